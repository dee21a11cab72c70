// The row of the lock table that a change is, with the names of the relations in place of roles.
#include "lint/lock_model.h"

#include <array>
#include <map>
#include <span>

#include "lint/context.h"
#include "lint/default_value.h"
#include "lint/lock_table.h"
#include "lint/relations.h"

namespace pgkeep::lint {
namespace {

using Names = std::vector<RelationName>;

bool is_about_index(Operation operation) {
  return operation == Operation::drop_index || operation == Operation::rename_index;
}

/// The table of the index that the change names; the index itself where nobody knows its table.
RelationName table_of(const Change& change, const Context& context) {
  const bool may_be_index =
      is_about_index(change.operation) || (change.operation == Operation::reindex &&
                                           change.node.name("kind") == "REINDEX_OBJECT_INDEX");
  if (!may_be_index) return change.relation;
  const TableState* const table = context.schema.table_of_index(change.relation);
  return table == nullptr ? change.relation : table->name;
}

Names tables_of_grant(const Change& change) {
  Names tables;
  const bool is_about_tables = change.node.name("objtype") == "OBJECT_TABLE" &&
                               change.node.name("targtype") == "ACL_TARGET_OBJECT";
  if (!is_about_tables) return tables;
  for (const postgres::Node& each : change.node.nodes("objects"))
    tables.push_back(relation_of(each));
  return tables;
}

Names referenced_of(const Change& change, const Context& context) {
  if (change.operation == Operation::drop_table) return referenced_by(context, change.relation);
  if (change.operation == Operation::add_foreign_key) return {change.other};
  if (change.operation == Operation::add_column)
    return {relation_of(constraint_of(change.node, "CONSTR_FOREIGN").node("pktable"))};
  const TableState* const table = context.schema.find(change.relation);
  const ConstraintState* const known = table == nullptr ? nullptr : table->constraint(change.name);
  return known == nullptr ? Names{} : Names{known->target};
}

/// Of a change to partitions: the partitioned table.
RelationName partitioned_table(const Change& change, const Context& context) {
  if (change.operation == Operation::create_partition_of) return change.other;
  if (change.operation == Operation::drop_table) return parent_of(context, change.relation);
  return change.relation;
}

Names relations_of(Role role, const Change& change, const Context& context) {
  switch (role) {
  case Role::table:
    if (change.operation == Operation::grant || change.operation == Operation::revoke)
      return tables_of_grant(change);
    return {table_of(change, context)};
  case Role::index:
    return {}; // Rules judge tables: only readers that plan with the index would notice.
  case Role::referenced:
    return referenced_of(change, context);
  case Role::referencing:
    return referencing(context, change.relation);
  case Role::parent:
    return {partitioned_table(change, context)};
  case Role::partition:
    if (change.operation == Operation::create_index) return partitions_of(context, change.relation);
    return {change.other};
  case Role::default_partition:
    return {default_partition_of(context, partitioned_table(change, context))};
  case Role::user:
    return users_of_type(context, relation_of(change.node.nodes("type_name")));
  }
  return {};
}

/// LOCK TABLE names its mode.
Effect effect_of_lock(const Change& change) {
  const auto mode = static_cast<LockMode>(change.node.number("mode"));
  return {.relation = change.relation, .mode = mode, .row = "lock-table"};
}

} // namespace

std::string_view name_of(LockMode mode) noexcept {
  constexpr auto names = std::to_array<std::string_view>(
      {"none", "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE",
       "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"});
  return names[static_cast<std::size_t>(mode)];
}

namespace {

/// Rows of one id stand together.
std::span<const LockRow> rows_of(std::string_view id) {
  static const auto all = [] {
    std::map<std::string_view, std::span<const LockRow>> found;
    const std::span<const LockRow> rows = lock_rows();
    for (std::size_t i = 0; i < rows.size();) {
      std::size_t end = i;
      while (end < rows.size() && rows[end].id == rows[i].id)
        ++end;
      found.emplace(rows[i].id, rows.subspan(i, end - i));
      i = end;
    }
    return found;
  }();
  const auto found = all.find(id);
  return found == all.end() ? std::span<const LockRow>{} : found->second;
}

} // namespace

std::vector<Effect> effects_of(const Change& change, const Context& context) {
  std::vector<Effect> effects;
  add_effects_of(change, lock_row_of(change, context), context, effects);
  return effects;
}

void add_effects_of(const Change& change, std::string_view id, const Context& context,
                    std::vector<Effect>& effects) {
  if (change.operation == Operation::lock_table) return effects.push_back(effect_of_lock(change));
  if (id.empty()) return;
  for (const LockRow& row : rows_of(id)) {
    const bool is_it = row.major_first <= context.server_major &&
                       context.server_major <= row.major_last && row.mode != LockMode::none;
    if (!is_it) continue;
    for (const RelationName& relation : relations_of(row.role, change, context)) {
      const bool is_made_here = change.is_inside_create && is_same(relation, change.relation);
      if (!relation || is_made_here) continue;
      effects.push_back({.relation = relation,
                         .mode = row.mode,
                         .rewrites = row.work.rewrites,
                         .scans = row.work.scans,
                         .builds_index = row.work.builds_index,
                         .row = row.id});
    }
  }
}

} // namespace pgkeep::lint
