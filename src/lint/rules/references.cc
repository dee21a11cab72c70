// Foreign keys that a text adds, judged at the end of its section: an index or a type may follow.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/units.h"
#include "catalog/name_words.h"
#include "lint/families.h"
#include "lint/rules/column_changes.h"
#include "lint/rules/shared_card.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using catalog::is_one_of;
using findings::Area;
using findings::Fix;
using findings::Safety;
using findings::Severity;
using postgres::Node;
using Names = std::vector<std::string>;

constexpr double kCascadeRows = 1'000'000; // As in the audit.
constexpr std::size_t kNameBytesMax = 63;

struct ForeignKey {
  RelationName relation = {};
  RelationName target;
  Names columns;
  Names target_columns; ///< Empty where the target's key is not known.
  std::size_t offset = 0;
  Node node; ///< Constraint.
  const TableState* table = nullptr;
  const TableState* target_table = nullptr; ///< Null where nobody knows it.

  [[nodiscard]] std::string object() const {
    return columns.size() == 1 ? object_of(relation, columns.front())
                               : fmt::format("{} ({})", relation.text(), column_list(columns));
  }
};

std::vector<ForeignKey> foreign_keys_of(const Context& context) {
  std::vector<ForeignKey> keys;
  for (const Change& change : changes_of(context.section)) {
    if (change.operation != Operation::add_foreign_key) continue;
    ForeignKey key{.relation = change.relation,
                   .target = change.other,
                   .columns = postgres::strings_of(change.node.nodes("fk_attrs")),
                   .target_columns = postgres::strings_of(change.node.nodes("pk_attrs")),
                   .offset = change.offset,
                   .node = change.node,
                   .table = context.schema.find(change.relation),
                   .target_table = context.schema.find(change.other)};
    if (key.columns.empty()) key.columns = {change.name};
    const ConstraintState* const primary =
        key.target_table == nullptr ? nullptr : key.target_table->primary_key();
    if (key.target_columns.empty() && primary != nullptr) key.target_columns = primary->columns;
    const bool is_there = key.table != nullptr && !key.table->is_temporary;
    if (is_there) keys.push_back(std::move(key));
  }
  return keys;
}

bool lead_with(const Names& index, const Names& columns) {
  if (index.size() < columns.size()) return false;
  return std::ranges::all_of(columns, [&](const std::string& column) {
    const auto end = index.begin() + static_cast<std::ptrdiff_t>(columns.size());
    return std::find(index.begin(), end, column) != end;
  });
}

/// WHERE author_id IS NOT NULL leaves out no row that a foreign key looks for.
bool leaves_out_nulls_only(const Context& context, const IndexState& index, const Names& columns) {
  if (!index.is_from_text) {
    if (context.database == nullptr) return false;
    const auto& all = context.database->indexes;
    const auto found = std::ranges::find(all, index.name, &catalog::Index::name);
    return found != all.end() && std::ranges::any_of(columns, [&](const std::string& column) {
             return found->predicate ==
                    fmt::format("({} IS NOT NULL)", postgres::quote_identifier(column));
           });
  }
  for (const Statement& statement : context.section.statements) {
    const Node root = statement.root;
    if (!root.is("IndexStmt") || root.text("idxname") != index.name) continue;
    const Node condition = root.node("where_clause");
    const bool is_not_null =
        condition.is("NullTest") && condition.name("nulltesttype") == "IS_NOT_NULL";
    const Names named = columns_in(condition);
    return is_not_null && named.size() == 1 &&
           std::ranges::find(columns, named.front()) != columns.end();
  }
  return false;
}

bool has_index_for(const Context& context, const TableState& table, const Names& columns) {
  const bool by_index = std::ranges::any_of(table.indexes, [&](const IndexState& index) {
    const bool finds_equals =
        index.method == "btree" || (index.method == "hash" && columns.size() == 1);
    return finds_equals && index.is_valid && lead_with(index.columns, columns) &&
           (!index.is_partial || leaves_out_nulls_only(context, index, columns));
  });
  return by_index || std::ranges::any_of(table.constraints, [&](const ConstraintState& each) {
           return (each.type == 'p' || each.type == 'u') && lead_with(each.columns, columns);
         });
}

Fix index_fix(const Context& context, const ForeignKey& key) {
  std::string name = key.relation.name;
  for (const std::string& column : key.columns)
    name += "_" + column;
  name = name.substr(0, kNameBytesMax - 4) + "_idx";
  const bool is_in_use = context.is_in_use(key.relation);
  return {.safety = Safety::online,
          .phase = findings::Phase::index_build,
          .sql = {fmt::format("CREATE INDEX {}{} ON {} ({})", is_in_use ? "CONCURRENTLY " : "",
                              postgres::quote_identifier(name), key.relation.text(),
                              column_list(key.columns))},
          .note = is_in_use ? "In a migration of its own, without a transaction." : ""};
}

void foreign_key_without_index(const Context& context, TextSink& out) {
  std::vector<std::pair<RelationName, Names>> said;
  for (const ForeignKey& key : foreign_keys_of(context)) {
    const auto already = std::pair(key.relation, key.columns);
    if (has_index_for(context, *key.table, key.columns) ||
        std::ranges::find(said, already) != said.end())
      continue;
    said.push_back(already);
    // Of a table that nobody described an index may be there all along.
    const bool is_known = key.table->is_created_here || context.database != nullptr ||
                          std::ranges::all_of(key.columns, [&](const std::string& column) {
                            return key.table->column(column) != nullptr;
                          });
    const bool is_small = !key.table->is_created_here && key.table->rows >= 0 &&
                          key.table->rows < static_cast<double>(context.limits.small_table_rows);
    out.add(key.offset,
            {.severity = is_small || !is_known ? Severity::info : Severity::warning,
             .object = key.object(),
             .message = fmt::format("no index on ({}){}: each row deleted from {} reads all of {}",
                                    column_list(key.columns), is_known ? "" : " in these files",
                                    key.target.text(), context.with_size(key.relation)),
             .evidence = Json{{"columns", Json::list(key.columns)}, {"parent", key.target.text()}},
             .fix = index_fix(context, key)});
  }
}

/// Types between which the server compares with an operator of the key's own index.
std::string_view family_of(std::string_view type) {
  if (is_integer_type(type)) return "integer";
  if (is_one_of(type, {"text", "varchar", "bpchar", "name"})) return "text";
  if (is_one_of(type, {"date", "timestamp", "timestamptz"})) return "time";
  if (is_one_of(type, {"float4", "float8"})) return "float";
  return is_one_of(type, {"numeric", "uuid", "bool", "bytea", "inet", "jsonb", "interval", "oid"})
             ? type
             : "";
}

enum class Fit : std::uint8_t { same, narrower, casts, refused, unknown };

/// Source: PostgreSQL 15, ATAddForeignKeyConstraint(); tried on 15.
Fit fit_of(const TypeText& from, const TypeText& to) {
  if (from == to) return Fit::same;
  const std::string_view here = family_of(from.name);
  const std::string_view there = family_of(to.name);
  const bool are_known =
      !here.empty() && !there.empty() && from.schema.empty() && to.schema.empty();
  if (!are_known) return Fit::unknown;
  if (from.is_array || to.is_array)
    return from.is_array == to.is_array ? Fit::unknown : Fit::refused;
  if (here == there && here == "integer") return from.name < to.name ? Fit::narrower : Fit::casts;
  if (here == there && here == "text") {
    if ((from.name == "bpchar") != (to.name == "bpchar")) return Fit::casts;
    const bool is_shorter = !from.modifiers.empty() &&
                            (to.modifiers.empty() || from.modifiers.front() < to.modifiers.front());
    return is_shorter ? Fit::narrower : Fit::same;
  }
  if (here == there) return from.name == to.name ? Fit::same : Fit::casts;
  const bool widens = (here == "integer" && (there == "numeric" || there == "float")) ||
                      (here == "integer" && there == "oid") ||
                      (here == "numeric" && there == "float");
  return widens ? Fit::casts : Fit::refused;
}

TypeText plain_type(const ColumnState& column) {
  TypeText type = column.type;
  if (const std::string_view below = type_below_serial(type.name); !below.empty())
    type.name = below;
  // The catalog names an array type with an underscore.
  if (type.is_array && type.name.starts_with("_")) type.name.erase(0, 1);
  return type;
}

std::string_view what_of(Fit fit) {
  switch (fit) {
  case Fit::refused:
    return "the server refuses the constraint";
  case Fit::narrower:
    return "larger keys cannot be referenced";
  default:
    return "each check compares two types";
  }
}

void foreign_key_type_mismatch(const Context& context, TextSink& out) {
  for (const ForeignKey& key : foreign_keys_of(context)) {
    if (key.target_table == nullptr || key.columns.size() != key.target_columns.size()) continue;
    for (std::size_t i = 0; i < key.columns.size(); ++i) {
      const ColumnState* const from = key.table->column(key.columns[i]);
      const ColumnState* const to = key.target_table->column(key.target_columns[i]);
      if (from == nullptr || to == nullptr) continue;
      const TypeText here = plain_type(*from);
      const TypeText there = plain_type(*to);
      const Fit fit = fit_of(here, there);
      if (fit == Fit::same || fit == Fit::unknown) continue;
      const std::string target = object_of(key.target, key.target_columns[i]);
      out.add(key.offset,
              {.severity = fit == Fit::refused ? Severity::error : Severity::warning,
               .object = object_of(key.relation, key.columns[i]),
               .message = fmt::format("is {}, the key {} that it references is {}: {}", here.text(),
                                      target, there.text(), what_of(fit)),
               .evidence = Json{{"type", here.text()},
                                {"key_type", there.text()},
                                {"sqlstate", fit == Fit::refused ? "42804" : ""}},
               .fix = write_instead(fmt::format("Give {} the type {} of {}", key.columns[i],
                                                there.text(), target))});
    }
  }
}

void foreign_key_nullable(const Context& context, TextSink& out) {
  for (const ForeignKey& key : foreign_keys_of(context)) {
    for (const std::string& name : key.columns) {
      const ColumnState* const column = key.table->column(name);
      if (column == nullptr || column->is_not_null) continue;
      const bool is_composite = key.columns.size() > 1;
      if (is_composite && key.node.text("fk_matchtype") == "f") continue;
      out.add(
          key.offset,
          {.object = object_of(key.relation, name),
           .message = is_composite ? "may be NULL, and then none of the key's columns is checked"
                                   : "may be NULL: a row without its parent is allowed",
           .evidence = Json{{"parent", key.target.text()}, {"columns", Json::list(key.columns)}},
           .fix = write_instead(is_composite ? "Write NOT NULL on each column, or MATCH FULL"
                                             : "Write NOT NULL unless the relation is optional")});
    }
  }
}

void foreign_key_cascade(const Context& context, TextSink& out) {
  for (const ForeignKey& key : foreign_keys_of(context)) {
    if (key.node.text("fk_del_action") != "c" || key.table->rows < kCascadeRows) continue;
    out.add(key.offset,
            {.object = key.object(),
             .message = fmt::format("deleting from {} cascades into {}", key.target.text(),
                                    context.with_size(key.relation)),
             .evidence = Json{{"rows", key.table->rows}, {"parent", key.target.text()}},
             .fix = write_instead("Leave ON DELETE CASCADE out, and delete the children in batches "
                                  "before their parent")});
  }
}

void foreign_key_duplicate(const Context& context, TextSink& out) {
  for (const ForeignKey& key : foreign_keys_of(context)) {
    const auto& all = key.table->constraints;
    const auto is_equal = [&](const ConstraintState& each) {
      return each.type == 'f' && each.columns == key.columns &&
             context.schema.find(each.target) == key.target_table && key.target_table != nullptr;
    };
    const auto first = std::ranges::find_if(all, is_equal);
    const bool is_later =
        first != all.end() && (!first->is_from_text || first->offset < key.offset);
    if (!is_later || std::ranges::count_if(all, is_equal) < 2) continue;
    out.add(key.offset,
            {.object = key.object(),
             .message = fmt::format("references {} a second time: every write is checked twice",
                                    key.target.text()),
             .evidence = Json{{"columns", Json::list(key.columns)},
                              {"kept", first->name.empty() ? "the first" : first->name}},
             .fix = write_instead("Leave the second constraint out")});
  }
}

void foreign_key_missing(const Context& context, TextSink& out) {
  for (const Change& change : changes_of(context.section)) {
    if (change.operation != Operation::add_column) continue;
    const TableState* const table = context.schema.find(change.relation);
    const ColumnState* const column = table == nullptr ? nullptr : table->column(change.name);
    if (column == nullptr || table->is_temporary) continue;
    const bool has_one = std::ranges::any_of(table->constraints, [&](const ConstraintState& each) {
      return each.type == 'f' && std::ranges::find(each.columns, change.name) != each.columns.end();
    });
    if (has_one) continue;
    for (const std::string& name : catalog::table_names_for(change.name)) {
      const RelationName target{.schema = change.relation.schema, .name = name};
      const TableState* const parent = context.schema.find(target);
      const ConstraintState* const key = parent == nullptr ? nullptr : parent->primary_key();
      if (key == nullptr || parent == table || key->columns.size() != 1) continue;
      const ColumnState* const id = parent->column(key->columns.front());
      if (id == nullptr || family_of(plain_type(*id).name) != family_of(plain_type(*column).name))
        continue;
      out.add(change.offset,
              {.object = object_of(change.relation, change.name),
               .message = fmt::format("looks like a reference to {}, but nothing keeps it from "
                                      "pointing nowhere",
                                      object_of(target, id->name)),
               .evidence = Json{{"type", column->type.text()}, {"key_type", id->type.text()}},
               .fix = write_instead(
                   fmt::format("Write REFERENCES {} here, and index the column", target.text()))});
      break;
    }
  }
}

constexpr TextRule kReferenceRules[] = {
    {.card = shared_card("foreign-key-without-index"),
     .group = Group::design,
     .section = foreign_key_without_index},
    {.card = shared_card("foreign-key-type-mismatch"),
     .group = Group::design,
     .section = foreign_key_type_mismatch},
    {.card = {.id = "foreign-key-nullable",
              .title = "Foreign key over columns that may be NULL",
              .why = "Rows without a parent come in, and of a key of several columns one NULL "
                     "switches the check off.",
              .how = "NOT NULL, unless the relation is optional; MATCH FULL for several columns.",
              .source = "PostgreSQL manual, sql-createtable: MATCH SIMPLE; pg-index-health",
              .severity = Severity::info,
              .area = Area::schema},
     .group = Group::taste,
     .section = foreign_key_nullable},
    {.card = shared_card("foreign-key-cascade"),
     .group = Group::design,
     .section = foreign_key_cascade},
    {.card = shared_card("foreign-key-duplicate"),
     .group = Group::design,
     .section = foreign_key_duplicate},
    {.card = shared_card("foreign-key-missing"),
     .group = Group::design,
     .section = foreign_key_missing},
};

} // namespace

const std::span<const TextRule> reference_rules{kReferenceRules};

} // namespace pgkeep::lint
