#include "lint/schema.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

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

TableState table_of(const catalog::Snapshot& db, const catalog::Relation& relation) {
  TableState table{.name = {.schema = relation.schema, .name = relation.name},
                   .is_partitioned = relation.kind == "p",
                   .is_partition = !relation.partition_bound.empty(),
                   .are_columns_known = catalog::has(db.present, catalog::Facts::columns),
                   .rows = relation.rows,
                   .bytes = relation.size_bytes};
  for (const catalog::Column& column : db.columns_of(relation)) {
    ColumnState state{.name = column.name,
                      .type = {.name = column.base_type},
                      .is_not_null = column.not_null,
                      .has_default = !column.default_expression.empty(),
                      .is_identity = !column.identity.empty(),
                      .is_generated = !column.generated.empty(),
                      .collation = column.collation};
    // The length of varchar(n) is kept with its header of four bytes.
    const bool has_length = column.base_type == "varchar" || column.base_type == "bpchar";
    if (has_length && column.type_modifier > 4) state.type.modifiers = {column.type_modifier - 4};
    if (column.base_type == "numeric" && column.type_modifier > 4) {
      const std::int32_t packed = column.type_modifier - 4;
      state.type.modifiers = {(packed >> 16) & 0xffff, packed & 0x7ff};
    }
    if (column.base_type.starts_with("time") && column.type_modifier >= 0)
      state.type.modifiers = {column.type_modifier};
    state.type.is_array = column.type.ends_with("[]");
    table.columns.push_back(std::move(state));
  }
  const auto names_of = [&](const auto& numbers, catalog::OidNumber owner) {
    std::vector<std::string> names;
    for (const auto number : numbers) {
      const catalog::Column* const column = db.column(owner, number);
      names.push_back(column == nullptr ? std::string{} : column->name);
    }
    return names;
  };
  for (const catalog::Constraint& constraint : db.constraints_of(relation.oid)) {
    ConstraintState state{.name = constraint.name,
                          .type = constraint.type.empty() ? 'c' : constraint.type.front(),
                          .columns = names_of(constraint.columns, relation.oid),
                          .is_validated = constraint.is_validated};
    if (const catalog::Relation* const target = db.relation(constraint.target)) {
      state.target = {.schema = target->schema, .name = target->name};
      state.target_columns = names_of(constraint.target_columns, constraint.target);
    }
    if (state.type == 'c' && state.columns.size() == 1 &&
        constraint.definition.find("IS NOT NULL") != std::string::npos &&
        constraint.definition.find(" AND ") == std::string::npos &&
        constraint.definition.find(" OR ") == std::string::npos)
      state.not_null_column = state.columns.front();
    table.constraints.push_back(std::move(state));
  }
  for (const catalog::Index& index : db.indexes) {
    if (index.relation != relation.oid) continue;
    table.indexes.push_back({.name = index.name,
                             .columns = names_of(index.columns, relation.oid),
                             .is_unique = index.is_unique,
                             .is_partial = !index.predicate.empty(),
                             .is_valid = index.is_valid,
                             .method = index.method});
  }
  return table;
}

} // namespace

std::string TypeText::text() const {
  std::string out = schema.empty() ? name : fmt::format("{}.{}", schema, name);
  if (!modifiers.empty()) out += fmt::format("({})", fmt::join(modifiers, ","));
  return is_array ? out + "[]" : out;
}

TypeText type_of(const Node& type_name) {
  TypeText type;
  const postgres::NodeList names = type_name.nodes("names");
  if (names.empty()) return type;
  type.name = names.back().text("sval");
  if (names.size() > 1 && names.front().text("sval") != "pg_catalog")
    type.schema = names.front().text("sval");
  for (const Node& modifier : type_name.nodes("typmods")) {
    const Node value = modifier.is("A_Const") ? modifier.node("ival") : Node{};
    if (value) type.modifiers.push_back(value.number("ival"));
  }
  // The grammar gives interval and bare char(n) a modifier that nobody wrote.
  type.is_array = !type_name.nodes("array_bounds").empty();
  return type;
}

const ColumnState* TableState::column(std::string_view wanted) const {
  const auto found = std::ranges::find(columns, wanted, &ColumnState::name);
  return found == columns.end() ? nullptr : &*found;
}
ColumnState* TableState::column(std::string_view wanted) {
  const auto found = std::ranges::find(columns, wanted, &ColumnState::name);
  return found == columns.end() ? nullptr : &*found;
}
const ConstraintState* TableState::constraint(std::string_view wanted) const {
  const auto found = std::ranges::find(constraints, wanted, &ConstraintState::name);
  return found == constraints.end() ? nullptr : &*found;
}
const ConstraintState* TableState::primary_key() const {
  const auto found = std::ranges::find(constraints, 'p', &ConstraintState::type);
  return found == constraints.end() ? nullptr : &*found;
}

Schema::Schema(const catalog::Snapshot* database) {
  if (database == nullptr) return;
  for (const catalog::Relation& relation : database->relations) {
    if (!relation.is_table()) continue;
    TableState table = table_of(*database, relation);
    if (locate(table.name) == nullptr) put(std::move(table));
  }
}

Schema::Schema(const Schema& other) : tables_(other.tables_), noted_(other.noted_) {
  for (auto& [key, table] : tables_)
    by_key_.emplace(key, &table);
}

std::string Schema::key_of(const RelationName& name) {
  return std::string(KeyText(name).text());
}

const TableState* Schema::find(const RelationName& name) const {
  return locate(name);
}

TableState* Schema::locate(const RelationName& name) const {
  // Asked for by most rules about most statements, again and again.
  Recent& recent = recent_[place_of(name.name)];
  if (recent.name == name) return recent.table;
  const auto found = by_key_.find(KeyText(name).text());
  recent.name = name;
  recent.table = found == by_key_.end() ? nullptr : found->second;
  return recent.table;
}

std::size_t Schema::place_of(std::string_view name) {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  if (name.size() >= sizeof first) {
    std::memcpy(&first, name.data(), sizeof first);
    std::memcpy(&last, name.data() + name.size() - sizeof last, sizeof last);
  } else {
    for (const char c : name)
      first = first << 8U | static_cast<unsigned char>(c);
  }
  return ((first * 3 + last + name.size()) * 0x9e3779b97f4a7c15ULL) >> (64 - kRecentBits);
}

void Schema::note_all(const TableState& table) {
  for (const ConstraintState& each : table.constraints) {
    note(each.name, table);
    note(each.target.name, table);
  }
  for (const IndexState& each : table.indexes)
    note(each.name, table);
}

void Schema::note(const std::string& name, const TableState& table) {
  if (name.empty()) return;
  auto& keys = noted_[name];
  const KeyText key(table.name);
  if (!keys.contains(key.text())) keys.emplace(key.text());
}

template <typename Visit>
void Schema::each_noted(const std::string& name, Visit&& visit) const {
  const auto keys = noted_.find(name);
  if (keys == noted_.end()) return;
  for (const std::string& key : keys->second) {
    const auto table = by_key_.find(key);
    if (table != by_key_.end() && !visit(*table->second)) return;
  }
}

std::vector<const TableState*> Schema::referencing(const RelationName& target) const {
  std::vector<const TableState*> found;
  each_noted(target.name, [&](const TableState& table) {
    const bool points_at_it =
        std::ranges::any_of(table.constraints, [&](const ConstraintState& each) {
          return each.type == 'f' && is_same(each.target, target);
        });
    if (points_at_it) found.push_back(&table);
    return true;
  });
  return found;
}

void Schema::put(TableState table) {
  note_all(table);
  forget_recent(table.name);
  const auto [place, is_new] = tables_.insert_or_assign(key_of(table.name), std::move(table));
  if (is_new) by_key_.emplace(place->first, &place->second);
}

void Schema::remove(const RelationName& name) {
  const std::string key = key_of(name);
  forget_recent(name);
  by_key_.erase(key);
  tables_.erase(key);
}

/// Where the new name is taken the table is gone, as nobody can tell which of the two is meant.
void Schema::move(const RelationName& from, RelationName to) {
  const std::string key = key_of(from);
  forget_recent(from);
  forget_recent(to);
  by_key_.erase(key);
  auto moved = tables_.extract(key);
  if (moved.empty()) return;
  moved.key() = key_of(to);
  moved.mapped().name = std::move(to);
  note_all(moved.mapped());
  const auto result = tables_.insert(std::move(moved));
  if (result.inserted) by_key_.emplace(result.position->first, &result.position->second);
}

const TableState* Schema::table_of_index(const RelationName& index) const {
  const TableState* found = nullptr;
  each_noted(index.name, [&](const TableState& table) {
    if (!index.schema.empty() && table.name.schema != index.schema) return true;
    const auto* const constraint = table.constraint(index.name);
    const bool has_it =
        std::ranges::find(table.indexes, index.name, &IndexState::name) != table.indexes.end() ||
        (constraint != nullptr &&
         (constraint->type == 'p' || constraint->type == 'u' || constraint->type == 'x'));
    if (has_it) found = &table;
    return !has_it;
  });
  return found;
}

TableState& Schema::at(const RelationName& name) {
  if (TableState* const known = locate(name)) return *known;
  const auto place = tables_.emplace(key_of(name), TableState{.name = name}).first;
  by_key_.emplace(place->first, &place->second);
  forget_recent(name);
  return place->second;
}

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

void Schema::drop_index(const RelationName& index) {
  const auto keys = noted_.find(index.name);
  if (keys == noted_.end()) return;
  std::erase_if(keys->second, [&](const std::string& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return true;
    TableState& table = *found->second;
    const auto has_name = [&](const auto& each) { return each.name == index.name; };
    if (index.schema.empty() || table.name.schema == index.schema)
      std::erase_if(table.indexes, has_name);
    return std::ranges::none_of(table.indexes, has_name) &&
           std::ranges::none_of(table.constraints, [&](const ConstraintState& each) {
             return has_name(each) || each.target.name == index.name;
           });
  });
}

} // namespace pgkeep::lint
