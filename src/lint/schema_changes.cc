// What a statement makes of the tables.
#include <algorithm>

#include "lint/schema.h"

namespace pgkeep::lint {
namespace {

using postgres::Node;
using postgres::strings_of;

/// The parser's "$1 IS NOT NULL" of a column.
std::string not_null_column_of(const Node& expression) {
  if (!expression.is("NullTest") || expression.name("nulltesttype") != "IS_NOT_NULL") return {};
  const std::vector<std::string> names =
      strings_of(expression.node("arg").nodes_if("ColumnRef", "fields"));
  return names.size() == 1 ? names.front() : std::string{};
}

char type_letter(Operation operation) {
  switch (operation) {
  case Operation::add_primary_key:
    return 'p';
  case Operation::add_unique:
    return 'u';
  case Operation::add_foreign_key:
    return 'f';
  case Operation::add_exclusion:
    return 'x';
  default:
    return 'c';
  }
}

ColumnState column_of(const Node& definition) {
  ColumnState column{.name = std::string(definition.text("colname")),
                     .type = type_of(definition.node("type_name")),
                     .is_not_null = definition.flag("is_not_null"),
                     .has_default = static_cast<bool>(definition.node("raw_default"))};
  for (const Node& constraint : definition.nodes("constraints")) {
    const std::string_view type = constraint.name("contype");
    if (type == "CONSTR_NOTNULL" || type == "CONSTR_PRIMARY" || type == "CONSTR_IDENTITY")
      column.is_not_null = true;
    if (type == "CONSTR_DEFAULT") column.has_default = true;
    if (type == "CONSTR_IDENTITY") column.is_identity = true;
    if (type == "CONSTR_GENERATED") column.is_generated = true;
  }
  const postgres::NodeList collation = definition.node("coll_clause").nodes("collname");
  if (!collation.empty()) column.collation = collation.back().text("sval");
  if (column.type.name.ends_with("serial")) column.has_default = column.is_not_null = true;
  return column;
}

} // namespace

void Schema::apply(const Change& change) {
  if (acts_on_column(change.operation)) return apply_column(change);
  apply_table(change);
  apply_constraint(change);
  apply_index(change);
}

void Schema::apply_table(const Change& change) {
  switch (change.operation) {
  case Operation::create_table:
  case Operation::create_table_as:
  case Operation::create_matview:
  case Operation::create_partition_of: {
    if (change.node.flag("if_not_exists") && find(change.relation) != nullptr) return;
    TableState table{.name = change.relation, .is_created_here = true};
    if (change.node.is("CreateStmt")) {
      table.is_temporary = change.node.node("relation").text("relpersistence") == "t";
      table.is_partitioned = static_cast<bool>(change.node.node("partspec"));
      table.is_partition = change.operation == Operation::create_partition_of;
      table.are_columns_known =
          change.node.nodes("inh_relations").empty() && !change.node.node("of_typename");
      const postgres::NodeList elements = change.node.nodes("table_elts");
      table.columns.reserve(elements.size());
      for (const Node& element : elements) {
        if (element.is("TableLikeClause")) table.are_columns_known = false;
      }
    }
    put(std::move(table));
    return;
  }
  case Operation::drop_table:
  case Operation::drop_matview:
    remove(change.relation);
    return;
  case Operation::become_partitioned:
    at(change.relation).is_partitioned = true;
    return;
  case Operation::rename_table:
    move(change.relation, {.schema = change.relation.schema, .name = change.other.name});
    return;
  case Operation::set_schema:
    if (const TableState* const table = find(change.relation))
      move(change.relation, {.schema = change.name, .name = table->name.name});
    return;
  default:
    return;
  }
}

void Schema::apply_column(const Change& change) {
  if (change.operation == Operation::add_column) {
    TableState& table = at(change.relation);
    if (table.column(change.name) == nullptr) table.columns.push_back(column_of(change.node));
    return;
  }
  TableState* const known = locate(change.relation);
  if (known == nullptr) return;
  TableState& table = *known;
  if (change.operation == Operation::drop_column) {
    const auto has_it = [&](const auto& each) {
      return std::ranges::find(each.columns, change.name) != each.columns.end();
    };
    std::erase_if(table.columns, [&](const ColumnState& each) { return each.name == change.name; });
    std::erase_if(table.constraints, has_it);
    std::erase_if(table.indexes, has_it);
    return;
  }
  ColumnState* const column = table.column(change.name);
  if (column == nullptr) return;
  switch (change.operation) {
  case Operation::alter_column_type:
    column->type = type_of(change.node.node("def").node("type_name"));
    return;
  case Operation::set_not_null:
    column->is_not_null = true;
    return;
  case Operation::drop_not_null:
    column->is_not_null = false;
    return;
  case Operation::set_default:
    column->has_default = true;
    return;
  case Operation::drop_default:
    column->has_default = false;
    return;
  case Operation::add_identity:
    column->is_identity = true;
    return;
  case Operation::rename_column: {
    const std::string old = column->name;
    column->name = change.other.name;
    for (ConstraintState& each : table.constraints)
      std::ranges::replace(each.columns, old, change.other.name);
    for (IndexState& each : table.indexes)
      std::ranges::replace(each.columns, old, change.other.name);
    return;
  }
  default:
    return;
  }
}

void Schema::apply_constraint(const Change& change) {
  const Node& node = change.node;
  switch (change.operation) {
  case Operation::add_check:
  case Operation::add_foreign_key:
  case Operation::add_unique:
  case Operation::add_primary_key:
  case Operation::add_exclusion: {
    TableState& table = at(change.relation);
    ConstraintState state{
        .name = std::string(node.text("conname")),
        .type = type_letter(change.operation),
        .columns = strings_of(
            node.nodes(change.operation == Operation::add_foreign_key ? "fk_attrs" : "keys")),
        .target = change.other,
        .target_columns = strings_of(node.nodes("pk_attrs")),
        .is_validated = !node.flag("skip_validation"),
        .not_null_column = not_null_column_of(node.node("raw_expr")),
        .offset = change.offset,
        .is_from_text = true};
    const bool is_on_column = state.columns.empty() && change.operation != Operation::add_exclusion;
    // A constraint of a column names it by standing there.
    if (is_on_column && table.column(change.name) != nullptr && node.text("conname") != change.name)
      state.columns = {change.name};
    if (!node.text("indexname").empty()) {
      const auto index =
          std::ranges::find(table.indexes, node.text("indexname"), &IndexState::name);
      if (index != table.indexes.end()) {
        state.columns = index->columns;
        index->is_constraint = true;
        if (!state.name.empty()) index->name = state.name; // The server renames it.
      }
    }
    if (state.type == 'p') {
      for (const std::string& name : state.columns) {
        if (ColumnState* const column = table.column(name)) column->is_not_null = true;
      }
    }
    note(state.name, table);
    note(state.target.name, table);
    table.constraints.push_back(std::move(state));
    return;
  }
  case Operation::validate_constraint:
  case Operation::drop_constraint: {
    TableState* const table = locate(change.relation);
    if (table == nullptr) return;
    auto& constraints = table->constraints;
    const auto constraint = std::ranges::find(constraints, change.name, &ConstraintState::name);
    if (constraint == constraints.end()) return;
    if (change.operation == Operation::drop_constraint) {
      constraints.erase(constraint);
    } else {
      constraint->is_validated = true;
    }
    return;
  }
  default:
    return;
  }
}

void Schema::apply_index(const Change& change) {
  if (change.operation == Operation::create_index) {
    const Node& node = change.node;
    IndexState index{.name = change.name,
                     .is_unique = node.flag("unique"),
                     .is_partial = static_cast<bool>(node.node("where_clause")),
                     .method = std::string(node.text("access_method")),
                     .offset = change.offset,
                     .is_from_text = true};
    for (const Node& element : node.nodes("index_params"))
      index.columns.emplace_back(element.text("name"));
    TableState& table = at(change.relation);
    note(index.name, table);
    table.indexes.push_back(std::move(index));
  } else if (change.operation == Operation::drop_index) {
    drop_index(change.relation);
  }
}

} // namespace pgkeep::lint
