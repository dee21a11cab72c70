// Which row of the lock table a change is: by its operation, and by what decides within it.
#include <algorithm>
#include <array>
#include <utility>

#include "lint/default_value.h"
#include "lint/lock_table.h"
#include "lint/relations.h"
#include "lint/type_change.h"

namespace pgkeep::lint {
namespace {

using postgres::Node;

struct PlainRow {
  Operation operation;
  std::string_view row;
};
/// Operations that are one row whatever they say.
constexpr auto kPlain = std::to_array<PlainRow>({
    {Operation::drop_column, "drop-column"},
    {Operation::rename_column, "rename-column"},
    {Operation::drop_not_null, "drop-not-null"},
    {Operation::set_default, "set-default"},
    {Operation::drop_default, "set-default"},
    {Operation::add_identity, "add-identity"},
    {Operation::add_not_null, "set-not-null"},
    {Operation::add_exclusion, "add-exclusion"},
    {Operation::rename_constraint, "rename-constraint"},
    {Operation::rename_index, "rename-index"},
    {Operation::create_partition_of, "create-partition"},
    {Operation::rename_table, "rename-table"},
    {Operation::set_schema, "set-schema"},
    {Operation::change_owner, "change-owner"},
    {Operation::replica_identity, "replica-identity"},
    {Operation::set_logged, "set-logged"},
    {Operation::set_unlogged, "set-logged"},
    {Operation::set_tablespace, "set-tablespace"},
    {Operation::set_access_method, "set-access-method"},
    {Operation::cluster, "cluster"},
    {Operation::vacuum_full, "vacuum-full"},
    {Operation::vacuum, "vacuum"},
    {Operation::grant, "grant"},
    {Operation::revoke, "grant"},
    {Operation::insert, "write-rows"},
    {Operation::update, "write-rows"},
    {Operation::remove, "write-rows"},
    {Operation::create_trigger, "create-trigger"},
    {Operation::drop_trigger, "drop-trigger"},
    {Operation::enable_trigger, "enable-trigger"},
    {Operation::disable_trigger, "enable-trigger"},
    {Operation::create_rule, "create-rule"},
    {Operation::enable_row_security, "row-security"},
    {Operation::disable_row_security, "row-security"},
    {Operation::force_row_security, "row-security"},
    {Operation::create_policy, "create-policy"},
    {Operation::drop_policy, "drop-policy"},
    {Operation::replace_view, "replace-view"},
    {Operation::drop_view, "drop-view"},
    {Operation::drop_matview, "drop-view"},
});

/// By operation: it is asked of every change.
constexpr auto kPlainRows = [] {
  std::array<std::string_view, std::to_underlying(Operation::run_block) + 1> rows{}; // The last.
  for (const PlainRow& each : kPlain)
    rows[std::to_underlying(each.operation)] = each.row;
  return rows;
}();

bool is_domain_with_check(const TypeText& type, const Context& context) {
  for (const Change& before : context.domains_in_transaction) {
    if (type.is_array) continue;
    if (relation_of(before.node.nodes("domainname")).name != type.name) continue;
    return !constraint_of(before.node, "CONSTR_CHECK").kind().empty();
  }
  if (context.database == nullptr || type.is_array) return false;
  return std::ranges::any_of(context.database->types, [&](const catalog::UserType& each) {
    return each.kind == "d" && each.name == type.name;
  });
}

std::string_view add_column_row(const Change& change, const Context& context) {
  if (constraint_of(change.node, "CONSTR_GENERATED")) return "add-column-generated-stored";
  const TypeText type = type_of(change.node.node("type_name"));
  if (type.name.ends_with("serial") || constraint_of(change.node, "CONSTR_IDENTITY"))
    return "add-column-serial";
  if (!volatile_function_of(default_of(change.node), context).empty())
    return "add-column-volatile-default";
  if (is_domain_with_check(type, context)) return "add-column-domain-check";
  if (default_of(change.node) && constraint_of(change.node, "CONSTR_FOREIGN"))
    return "add-column-references-default";
  return "add-column";
}

bool has_not_null_proof(const Change& change, const Context& context) {
  const TableState* const table = context.schema.find(change.relation);
  if (table == nullptr) return false;
  const ColumnState* const column = table->column(change.name);
  if (column != nullptr && column->is_not_null) return true;
  return std::ranges::any_of(table->constraints, [&](const ConstraintState& each) {
    return each.is_validated && each.not_null_column == change.name;
  });
}

std::string_view alter_type_row(const Change& change, const Context& context) {
  constexpr auto rows = std::to_array<std::string_view>(
      {"alter-type-free", "alter-type-rechecks", "alter-type-reindex", "alter-type-rewrite"});
  return rows[static_cast<std::size_t>(type_change_of(change, context).work)];
}

/// A constraint that stands in the definition of a new column.
bool is_of_column(const Change& change) {
  return !change.name.empty() && change.name != change.node.text("conname");
}

bool has_nullable_column(const Change& change, const Context& context) {
  const TableState* const table = context.schema.find(change.relation);
  if (table == nullptr) return false;
  const auto index =
      std::ranges::find(table->indexes, change.node.text("indexname"), &IndexState::name);
  if (index == table->indexes.end()) return false;
  return std::ranges::any_of(index->columns, [&](const std::string& name) {
    const ColumnState* const column = table->column(name);
    return column != nullptr && !column->is_not_null;
  });
}

std::string_view constraint_row(const Change& change, const Context& context) {
  const bool is_not_valid = change.node.flag("skip_validation");
  const bool uses_index = !change.node.text("indexname").empty();
  switch (change.operation) {
  case Operation::add_check:
    if (is_of_column(change)) return "add-column-check";
    return is_not_valid ? "add-check-not-valid" : "add-check";
  case Operation::add_foreign_key:
    if (change.is_inside_create) return "create-table-foreign-key";
    if (is_of_column(change)) return "add-column-references";
    return is_not_valid ? "add-foreign-key-not-valid" : "add-foreign-key";
  case Operation::add_unique:
    if (is_of_column(change)) return "add-column-unique";
    return uses_index ? "add-unique-using-index" : "add-unique";
  case Operation::add_primary_key:
    if (is_of_column(change)) return "add-column-unique";
    if (!uses_index) return "add-primary-key";
    return has_nullable_column(change, context) ? "add-primary-key-using-nullable-index"
                                                : "add-primary-key-using-index";
  default:
    return {};
  }
}

bool is_foreign_key(const Change& change, const Context& context) {
  const TableState* const table = context.schema.find(change.relation);
  const ConstraintState* const known = table == nullptr ? nullptr : table->constraint(change.name);
  return known != nullptr && known->type == 'f';
}

std::string_view create_index_row(const Change& change, const Context& context) {
  if (change.node.flag("concurrent")) return "create-index-concurrently";
  const TableState* const table = context.schema.find(change.relation);
  const bool is_partitioned = table != nullptr && table->is_partitioned;
  // ONLY is written for partitioned tables: one that nobody knows is one.
  const bool may_be = is_partitioned || table == nullptr || !table->are_columns_known;
  if (!change.node.node("relation").flag("inh") && may_be) return "create-index-only";
  return is_partitioned ? "create-index-partitioned" : "create-index";
}

bool has_option(const std::vector<Node>& options, std::string_view name) {
  return std::ranges::any_of(options,
                             [&](const Node& each) { return each.text("defname") == name; });
}

std::string_view index_row(const Change& change, const Context& context) {
  if (change.operation == Operation::create_index) return create_index_row(change, context);
  if (change.operation == Operation::drop_index)
    return change.node.flag("concurrent") ? "drop-index-concurrently" : "drop-index";
  const std::string_view kind = change.node.name("kind");
  if (kind != "REINDEX_OBJECT_INDEX" && kind != "REINDEX_OBJECT_TABLE") return {};
  return has_option(change.node.nodes("params"), "concurrently") ? "reindex-concurrently"
                                                                 : "reindex";
}

/// A validated CHECK that says more than NOT NULL. Whether it says enough only the server can tell.
bool has_check(const RelationName& relation, const Context& context) {
  const TableState* const table = context.schema.find(relation);
  return table != nullptr && std::ranges::any_of(table->constraints, [](const auto& each) {
           return each.type == 'c' && each.is_validated && each.not_null_column.empty();
         });
}

std::string_view partition_row(const Change& change, const Context& context) {
  // ALTER INDEX .. ATTACH PARTITION has no bound and touches no rows.
  const Node command = change.node.node("def");
  if (change.operation == Operation::attach_partition) {
    if (!command.node("bound")) return {};
    const RelationName fallback = default_partition_of(context, change.relation);
    const bool is_proved =
        has_check(change.other, context) && (!fallback || has_check(fallback, context));
    return is_proved ? "attach-partition-proved" : "attach-partition";
  }
  return command.flag("concurrent") ? "detach-partition-concurrently" : "detach-partition";
}

std::string_view domain_row(const Change& change) {
  // C adds a constraint, V validates one, O sets NOT NULL: each reads every table that uses it.
  const std::string_view subtype = change.node.text("subtype");
  const bool is_scanning = subtype == "V" || subtype == "O" ||
                           (subtype == "C" && !change.node.node("def").flag("skip_validation"));
  return is_scanning ? "alter-domain-check" : "";
}

std::string_view table_row(const Change& change, const Context& context) {
  const bool cascades = change.node.name("behavior") == "DROP_CASCADE";
  if (change.operation == Operation::truncate) return cascades ? "truncate-cascade" : "truncate";
  const TableState* const table = context.schema.find(change.relation);
  if (table != nullptr && table->is_partition) return "drop-partition";
  return cascades ? "drop-table-cascade" : "drop-table";
}

} // namespace

std::string_view lock_row_of(const Change& change, const Context& context) {
  const bool is_of_new_table =
      change.is_inside_create && change.operation != Operation::add_foreign_key;
  if (is_of_new_table) return {};
  const std::string_view plain = kPlainRows[std::to_underlying(change.operation)];
  if (!plain.empty()) return plain;
  switch (change.operation) {
  case Operation::add_column:
    return add_column_row(change, context);
  case Operation::set_not_null:
    return has_not_null_proof(change, context) ? "set-not-null-proved" : "set-not-null";
  case Operation::alter_column_type:
    return alter_type_row(change, context);
  case Operation::add_check:
  case Operation::add_foreign_key:
  case Operation::add_unique:
  case Operation::add_primary_key:
    return constraint_row(change, context);
  case Operation::validate_constraint:
    return is_foreign_key(change, context) ? "validate-foreign-key" : "validate-check";
  case Operation::drop_constraint:
    return is_foreign_key(change, context) ? "drop-foreign-key" : "drop-constraint";
  case Operation::create_index:
  case Operation::drop_index:
  case Operation::reindex:
    return index_row(change, context);
  case Operation::attach_partition:
  case Operation::detach_partition:
    return partition_row(change, context);
  case Operation::refresh_matview:
    return change.node.flag("concurrent") ? "refresh-matview-concurrently" : "refresh-matview";
  case Operation::alter_domain:
    return domain_row(change);
  case Operation::drop_table:
  case Operation::truncate:
    return table_row(change, context);
  case Operation::copy:
    return change.node.flag("is_from") ? "write-rows" : "";
  default:
    return {};
  }
}

} // namespace pgkeep::lint
