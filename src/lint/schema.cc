#include "lint/schema.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace pgkeep::lint {
namespace {

using postgres::Node;

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
  note(table.name.name, table);
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

std::vector<const TableState*> Schema::named(const std::string& name) const {
  std::vector<const TableState*> found;
  each_noted(name, [&](const TableState& table) {
    if (table.name.name == name) found.push_back(&table);
    return true;
  });
  return found;
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
  note(name.name, place->second);
  forget_recent(name);
  return place->second;
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
    return table.name.name != index.name && std::ranges::none_of(table.indexes, has_name) &&
           std::ranges::none_of(table.constraints, [&](const ConstraintState& each) {
             return has_name(each) || each.target.name == index.name;
           });
  });
}

} // namespace pgkeep::lint
