/// A change of a column's type as a fix: its foreign keys' columns and its sequence go with it.
///
/// Columns joined by foreign keys must keep comparable types, so a change to an integer or text
/// type is made on the whole group. Where the server would refuse (a view or policy uses the
/// column, a partition key, an expression index that the new type may break), the fix is manual and
/// says why. Sources: PostgreSQL manual, sql-altertable (Notes: which changes rewrite) and
/// sql-altersequence. Thread-safety: immutable after construction; the Snapshot must outlive it.
/// Private to audit/rules.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {

/// Columns that foreign keys make equal.
class KeyGroups {
public:
  explicit KeyGroups(const Snapshot& db);
  /// The column itself first, then every other that a chain of foreign keys joins to it.
  [[nodiscard]] std::vector<const catalog::Column*> group(const catalog::Column& column) const;

  /// The sequences that feed the column.
  [[nodiscard]] std::vector<const catalog::Sequence*>
  sequences(const catalog::Column& column) const;

private:
  [[nodiscard]] std::vector<const catalog::Column*> neighbours(const catalog::Column& column) const;

  std::unordered_map<std::uint64_t, std::vector<const catalog::Column*>> joined_;
  std::unordered_map<std::uint64_t, std::vector<const catalog::Sequence*>> sequences_;
};

struct NewType {
  std::string type; ///< "bigint", "numeric(19,4)".
  std::string using_expression =
      {}; ///< With {0} for the quoted column and {1} for the type; empty = the assignment cast.
  std::string undo_using = {};
  bool is_free = false;        ///< No rewrite and no scan: varchar(n) to text.
  bool breaks_indexes = false; ///< Index expressions over the column may not accept the new type.
  bool breaks_checks = false;  ///< The same of CHECK constraints.
  std::string note = {};
};

/// The largest integer that the type holds; 0 for other types.
std::int64_t integer_maximum(std::string_view base_type);
bool is_integer(std::string_view base_type);
bool is_text(std::string_view base_type); ///< text, varchar, bpchar.

Fix change_type(const Snapshot& db, const KeyGroups& groups, const catalog::Column& column,
                const NewType& target);

} // namespace pgkeep::audit
