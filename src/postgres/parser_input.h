/// What both users of libpg_query share: what text it may be given, how its results are freed, how
/// its errors are told. Private to sql_parser.cc and sql_tree.cc. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include "base/fd.h"
#include "base/result.h"

namespace pgkeep::postgres {

/// The parser's results are structs by value; this frees each by its own function.
template <typename Value, auto Free>
class Owned {
public:
  explicit Owned(Value value) : value_(value) {}
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() { Free(value_); }
  const Value* operator->() const { return &value_; }

private:
  Value value_;
};

void free_tokens(PgQuery__ScanResult* tokens);
using TokensPtr = std::unique_ptr<PgQuery__ScanResult, base::Release<free_tokens>>;

/// The text's tokens, comments among them; null where it cannot be scanned.
TokensPtr scan(const std::string& sql);

base::Error unsupported(std::string_view sql, const PgQueryError& error);
/// "3:14": lines and characters from 1, of the character at `characters` (from 1, as the parser
/// counts: in code points).
std::string line_and_column(std::string_view sql, int characters);

/// The parser takes C strings: what lies behind a NUL byte would pass unseen.
base::Result<> check_input(std::string_view sql);
/// Refuses what would overflow the stack of those functions that walk the whole tree.
base::Result<> check_depth(const std::string& sql);

} // namespace pgkeep::postgres
