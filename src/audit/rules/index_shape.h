/// What an index can answer, whether two are the same, and the statements that build and drop one.
///
/// Statements name their index, so that a repeat fails instead of building a second one, and leave
/// IF NOT EXISTS out, which would keep an invalid leftover. Sources: PostgreSQL manual,
/// sql-createindex (Building Indexes Concurrently; ON ONLY), indexes-multicolumn, sql-dropindex.
/// Pure functions. Private to audit/rules.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "audit/rules/rule_tools.h"
#include "audit/rules/table_tree.h"

namespace pgkeep::audit {

/// Valid, ready and live: queries use it and writes keep it.
bool is_usable(const catalog::Index& index);
/// Whether it finds the rows with given values of all these columns: they are its leading keys in
/// any order, and it leaves out none but rows in which one of them is NULL.
bool answers_equality(const Snapshot& db, const catalog::Index& index,
                      std::span<const std::int32_t> columns);
/// The same of a table; of a partitioned one also where each partition has its own index.
bool has_index_for(const Snapshot& db, const TableTree& tree, const catalog::Relation& relation,
                   std::span<const std::int32_t> columns);
/// Everything that decides what the index holds, but not uniqueness: equal texts are equal indexes.
std::string shape_of(const catalog::Index& index);
/// Something in the schema needs it: a constraint, the replica identity, or a foreign key that
/// references through it.
bool is_needed(const catalog::Index& index);
/// Some foreign key of its own table looks its rows up by it.
bool serves_own_foreign_key(const Snapshot& db, const catalog::Index& index);

/// Hands out names that no relation, index or sequence of the schema has.
class FreeNames {
public:
  explicit FreeNames(const Snapshot& db);
  /// "orders_user_id_idx", cut to fit, numbered where taken. The name is taken from then on.
  std::string take(const std::string& schema, std::string_view stem, std::string_view suffix);

private:
  std::unordered_set<std::string> taken_;
};

/// CREATE INDEX CONCURRENTLY of a definition that says CREATE INDEX.
std::string build_concurrently(const std::string& definition);
/// The part of a definition from USING on; empty where the text is not of the known form.
std::string_view definition_tail(const Snapshot& db, const catalog::Index& index);
std::string drop_index(const catalog::Index& index);
/// A fix that drops it, with the way back. Partitioned indexes cannot be dropped concurrently.
Fix drop_index_fix(const catalog::Index& index);
/// A fix that builds a btree on these columns; of a partitioned table on every partition, without
/// blocking writes.
Fix build_index_fix(const Snapshot& db, const TableTree& tree, FreeNames& names,
                    const catalog::Relation& relation, std::span<const std::int32_t> columns);

} // namespace pgkeep::audit
