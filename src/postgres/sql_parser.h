/// SQL text by the server's own parser (libpg_query, PostgreSQL 15's grammar): the one header
/// behind which it stands.
///
/// Thread-safe. Errors: Code::unsupported where the text does not parse (newer syntax or no SQL at
/// all), with line:column in `where`. Source: libpg_query README.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pgkeep::postgres {

/// One statement of a text, with its place.
struct StatementText {
  std::string sql;        ///< Without the semicolon, trimmed.
  std::size_t offset = 0; ///< Byte offset in the text.
};
base::Result<std::vector<StatementText>> split_statements(std::string_view sql);
/// The same for text that does not parse: by tokens alone, so a semicolon inside a routine's
/// BEGIN ATOMIC body ends a statement. Text that cannot be scanned is one piece.
std::vector<StatementText> split_roughly(std::string_view sql);
/// A word, sign or constant, with its place; comments are none.
struct TokenText {
  std::string text;       ///< Lower case where it is a keyword or an unquoted name.
  std::size_t offset = 0; ///< Byte offset in the text.
  int depth = 0;          ///< Of parentheses around it.
};
/// Empty for text that cannot be scanned.
std::vector<TokenText> tokens_of(std::string_view sql);
/// The parse tree as JSON text (libpg_query's protobuf-JSON form).
base::Result<std::string> parse_to_json(std::string_view sql);
/// The text with each constant replaced by $n: texts everywhere, numbers in statements that read or
/// write rows (the lengths and options of others say what they are). Text that does not parse
/// becomes its first word followed by " ...".
std::string normalize(std::string_view sql);
/// Equal for statements that differ in constants only: 16 hexadecimal digits.
base::Result<std::string> fingerprint(std::string_view sql);

} // namespace pgkeep::postgres
