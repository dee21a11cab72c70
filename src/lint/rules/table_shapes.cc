// Tables whose shape hides what they hold: lists in arrays, numbered columns, values without a
// meaning, columns that may be NULL for no reason.
#include <algorithm>
#include <map>

#include <fmt/format.h>

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
using findings::Severity;
using postgres::Node;

constexpr std::size_t kNumberedMin = 3; // address1 and address2 are an address.
constexpr std::size_t kNullableMin = 3;

void array_as_relation(const LoneSubject& subject, TextSink& out) {
  for (const ColumnChange& column : columns_of(subject)) {
    const bool holds_keys = column.type.is_array &&
                            is_one_of(column.type.name, {"int2", "int4", "int8", "uuid"}) &&
                            column.name.ends_with("_ids");
    if (!holds_keys) continue;
    out.add(column.type_offset,
            {.object = column.object(),
             .message = fmt::format("{} holds keys of other rows, and no constraint can check them",
                                    column.type.text()),
             .evidence = Json{{"type", column.type.text()}},
             .fix = write_instead("Write a junction table with two foreign keys")});
  }
}

std::size_t place_of_table(const LoneSubject& subject) {
  return subject.statement.root.node("relation").offset().value_or(subject.statement.begin);
}

bool makes_table(const LoneSubject& subject) {
  const Node& root = subject.statement.root;
  return root.is("CreateStmt") && !root.node("partbound") && !makes_temporary(root);
}

void eav(const LoneSubject& subject, TextSink& out) {
  if (!makes_table(subject)) return;
  std::string attribute;
  std::string value;
  bool has_entity = false;
  for (const ColumnChange& column : columns_of(subject)) {
    const std::string name(column.name);
    if (is_one_of(name, {"attribute", "attribute_name", "attribute_id", "attr", "attr_name",
                         "property", "property_name", "field_name"})) {
      attribute = name;
    } else if (is_one_of(name, {"value", "attribute_value", "attr_value", "property_value",
                                "field_value", "string_value", "text_value"})) {
      value = name;
    } else if (name.ends_with("_id")) {
      has_entity = true;
    }
  }
  if (attribute.empty() || value.empty() || !has_entity) return;
  const RelationName table = relation_of(subject.statement.root.node("relation"));
  out.add(place_of_table(subject),
          {.object = table.text(),
           .message = fmt::format("each row holds one value of one thing ({} and {}): no type, no "
                                  "constraint, and a join for every attribute",
                                  attribute, value),
           .evidence = Json{{"attribute", attribute}, {"value", value}},
           .fix = write_instead("Write a column for each attribute that is known, and one jsonb "
                                "column for those that are not")});
}

/// "phone2" -> "phone"; empty where no number ends the name.
std::string_view stem_of(std::string_view name) {
  const std::size_t end = name.find_last_not_of("0123456789");
  if (end == std::string_view::npos || end + 1 == name.size() || name.size() - end > 3) return {};
  const std::string_view stem = name.substr(0, end + 1);
  return stem.ends_with('_') ? stem.substr(0, stem.size() - 1) : stem;
}

void metadata_tribbles(const LoneSubject& subject, TextSink& out) {
  if (!makes_table(subject)) return;
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> groups;
  for (const ColumnChange& column : columns_of(subject)) {
    const std::string_view stem = stem_of(column.name);
    if (!stem.empty()) groups[{std::string(stem), column.type.text()}].emplace_back(column.name);
  }
  const RelationName table = relation_of(subject.statement.root.node("relation"));
  for (const auto& [key, names] : groups) {
    if (names.size() < kNumberedMin) continue;
    out.add(place_of_table(subject),
            {.object = object_of(table, names.front()),
             .message = fmt::format("{} numbered columns hold one list: a search looks into each, "
                                    "and the next value needs a new column",
                                    names.size()),
             .evidence = Json{{"columns", Json::list(names)}},
             .fix = write_instead(fmt::format("Write a table with one row a {}", key.first))});
  }
}

void table_inheritance(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  const std::vector<Node> parents =
      makes_table(subject) ? root.nodes("inh_relations") : std::vector<Node>{};
  if (parents.empty()) return;
  const RelationName table = relation_of(root.node("relation"));
  out.add(parents.front().offset().value_or(subject.statement.begin),
          {.object = table.text(),
           .message = fmt::format("inherits from {}: keys and foreign keys of the parent do not "
                                  "reach its rows",
                                  relation_of(parents.front()).text()),
           .evidence = Json{{"parent", relation_of(parents.front()).text()}},
           .fix = write_instead("Write PARTITION BY on the parent, or a foreign key to it")});
}

void unlogged_in_production(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  const auto add = [&](const RelationName& table, std::size_t offset) {
    out.add(offset,
            {.object = table.text(),
             .message = "is emptied by a crash and missing on replicas and in backups",
             .evidence = Json{{"persistence", "unlogged"}},
             .fix = write_instead("Leave UNLOGGED out, unless every row can be made again")});
  };
  if (root.is("CreateStmt") && root.node("relation").text("relpersistence") == "u")
    add(relation_of(root.node("relation")), place_of_table(subject));
  for (const Change& change : subject.changes) {
    if (change.operation == Operation::set_unlogged) add(change.relation, change.offset);
  }
}

void enum_type(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  if (!root.is("CreateEnumStmt")) return;
  out.add(
      subject.statement.begin,
      {.object = "type " + relation_of(root.nodes("type_name")).text(),
       .message = fmt::format("{} values in a type: none can be taken out again, and nothing can "
                              "be said about one",
                              root.nodes("vals").size()),
       .evidence = Json{{"values", static_cast<std::int64_t>(root.nodes("vals").size())}},
       .fix = write_instead("Write text with CHECK (x IN (...)), or a lookup table")});
}

void stored_aggregate(const LoneSubject& subject, TextSink& out) {
  for (const ColumnChange& column : columns_of(subject)) {
    const catalog::NameWords split(column.name);
    const auto words = split.all();
    const bool is_sum =
        words.size() == 2 && is_one_of(words[0], {"total", "lifetime"}) &&
        words[1].ends_with('s') && !words[1].ends_with("ss") &&
        !is_one_of(words[1], {"cents", "units", "hours", "minutes", "seconds", "days", "bytes",
                              "pages", "points", "rows", "tokens", "ms", "status"});
    const bool is_number = is_integer_type(column.type.name) ||
                           is_one_of(column.type.name, {"numeric", "float8", "float4", "money"});
    if (!is_sum || !is_number || column.constraint("CONSTR_GENERATED")) continue;
    out.add(
        column.offset,
        {.object = column.object(),
         .message = fmt::format("{} repeats what other rows add up to, and is wrong after the "
                                "first write that forgets it",
                                column.name),
         .evidence = Json{{"column", std::string(column.name)}},
         .fix = write_instead("Write a view or a materialized view that sums, or a trigger that "
                              "no write can go around")});
  }
}

/// The columns that this section makes, with what they are at its end.
struct Made {
  const Change& change;
  const ColumnState* column = nullptr;
};
std::vector<Made> columns_made(const Context& context) {
  std::vector<Made> made;
  for (const Change& change : changes_of(context.section)) {
    if (change.operation != Operation::add_column) continue;
    const TableState* const table = context.schema.find(change.relation);
    const ColumnState* const column = table == nullptr ? nullptr : table->column(change.name);
    if (column != nullptr && !table->is_temporary) made.push_back({change, column});
  }
  return made;
}

Node default_of(const Node& definition) {
  for (const Node& each : definition.nodes("constraints")) {
    if (each.name("contype") == "CONSTR_DEFAULT") return each.node("raw_expr");
  }
  return definition.node("raw_default");
}

void nullable_boolean(const Context& context, TextSink& out) {
  for (const Made& each : columns_made(context)) {
    const ColumnState& column = *each.column;
    if (column.type.name != "bool" || column.type.is_array || column.is_not_null ||
        column.has_default || column.is_generated)
      continue;
    out.add(each.change.offset,
            {.object = object_of(each.change.relation, column.name),
             .message = "has three states: WHERE NOT x leaves out the rows that have none",
             .evidence = Json{{"type", "boolean"}, {"nullable", true}},
             .fix = write_instead("Write NOT NULL DEFAULT false, unless \"not known\" is meant")});
  }
}

void default_null_mismatch(const Context& context, TextSink& out) {
  for (const Made& each : columns_made(context)) {
    const Node value = default_of(each.change.node);
    const bool is_null = is_null_constant(value);
    const bool refuses = each.column->is_not_null && is_null;
    const bool is_half = !each.column->is_not_null && value && !is_null;
    if (!refuses && !is_half) continue;
    out.add(value.offset().value_or(each.change.offset),
            {.severity = refuses ? Severity::warning : Severity::info,
             .object = object_of(each.change.relation, each.column->name),
             .message = refuses ? "NOT NULL with DEFAULT NULL: each INSERT that leaves it out fails"
                                : "has a default and may be NULL: an INSERT that gives NULL goes "
                                  "around the default",
             .evidence = Json{{"not_null", each.column->is_not_null}, {"default_is_null", is_null}},
             .fix = write_instead(refuses ? "Leave DEFAULT NULL out, or write a value"
                                          : "Write NOT NULL beside the default")});
  }
}

void nullable_by_default(const LoneSubject& subject, TextSink& out) {
  if (!makes_table(subject)) return;
  Schema after; // A new table depends on no other.
  for (const Change& change : subject.changes)
    after.apply(change);
  const RelationName name = relation_of(subject.statement.root.node("relation"));
  const TableState* const table = after.find(name);
  if (table == nullptr) return;
  std::size_t nullable = 0;
  std::size_t others = 0;
  const ConstraintState* const key = table->primary_key();
  for (const ColumnState& column : table->columns) {
    const bool is_key =
        key != nullptr && std::ranges::find(key->columns, column.name) != key->columns.end();
    if (is_key) continue;
    ++(column.is_not_null ? others : nullable);
  }
  if (nullable < kNullableMin || others > 0) return;
  out.add(place_of_table(subject),
          {.object = name.text(),
           .message = fmt::format("all {} columns but the key may be NULL", nullable),
           .evidence = Json{{"nullable", static_cast<std::int64_t>(nullable)}},
           .fix = write_instead("Write NOT NULL on each column that every row has")});
}

/// Names that a text gives: of tables, columns, indexes, constraints.
void case_fold_trap(const LoneSubject& subject, TextSink& out) {
  if (makes_temporary(subject.statement.root)) return;
  const auto judge = [&](const RelationName& table, std::string_view column, std::size_t offset) {
    const std::string_view name = column.empty() ? std::string_view(table.name) : column;
    const bool has_capital = std::ranges::any_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
    if (!has_capital) return;
    out.add(offset,
            {.object = column.empty() ? table.text() : object_of(table, column),
             .message = fmt::format("{} must be quoted in every statement for ever: without "
                                    "quotes it is read in small letters",
                                    postgres::quote_identifier(name)),
             .evidence = Json{{"name", name}},
             .fix = write_instead("Write it in small letters with underscores")});
  };
  for (const Change& change : subject.changes) {
    if (change.operation == Operation::create_table)
      judge(change.relation, {}, place_of_table(subject));
    if (change.operation == Operation::add_column)
      judge(change.relation, change.name, change.offset);
  }
}

/// What is wrong with a name but its capitals, of which case-fold-trap speaks; empty = nothing.
std::string_view fault_of_name(const std::string& name) {
  const bool has_capital = std::ranges::any_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!has_capital && postgres::quote_identifier(name) != name)
    return "needs quotes in every statement: it is a keyword or has other signs than letters, "
           "digits and underscores";
  if (name.starts_with("tbl_") || name.starts_with("tb_") || name.starts_with("col_"))
    return "says in its prefix what it is, which every statement shows anyway";
  return {};
}

void naming(const LoneSubject& subject, TextSink& out) {
  if (makes_temporary(subject.statement.root)) return;
  for (const Change& change : subject.changes) {
    const bool is_table = change.operation == Operation::create_table;
    if (!is_table && change.operation != Operation::add_column) continue;
    const std::string& name = is_table ? change.relation.name : change.name;
    const std::string_view fault = fault_of_name(name);
    if (fault.empty()) continue;
    out.add(is_table ? place_of_table(subject) : change.offset,
            {.object = is_table ? change.relation.text() : object_of(change.relation, name),
             .message = fmt::format("{} {}", name, fault),
             .evidence = Json{{"name", name}},
             .fix = write_instead("Write another name")});
  }
}

bool is_comment_on(const Node& root, const RelationName& table) {
  if (!root.is("CommentStmt") || root.name("objtype") != "OBJECT_TABLE") return false;
  return relation_of(root.node("object").nodes_if("List", "items")).name == table.name;
}

void no_comment(const LoneSubject& subject, TextSink& out) {
  if (!makes_table(subject)) return;
  const RelationName table = relation_of(subject.statement.root.node("relation"));
  const std::vector<Node> after = roots_after(subject);
  const bool is_told =
      std::ranges::any_of(after, [&](const Node& root) { return is_comment_on(root, table); });
  if (is_told) return;
  out.add(place_of_table(subject),
          {.object = table.text(),
           .message = "nothing in the database says what a row of it is",
           .evidence = Json{{"table", table.text()}},
           .fix = write_instead(
               fmt::format("Write COMMENT ON TABLE {} IS '...' behind it", table.text()))});
}

constexpr TextRule kTableShapeRules[] = {
    {.card = shared_card("array-as-relation"),
     .group = Group::design,
     .lone = array_as_relation,
     .nodes = "ColumnDef"},
    {.card = {.id = "eav",
              .title = "Table of attributes and values",
              .why = "Nothing has a type or a constraint, and each attribute costs a join.",
              .how = "Columns, and jsonb for what is not known beforehand.",
              .source = "sqlcheck: entity-attribute-value",
              .severity = Severity::info,
              .area = Area::schema},
     .group = Group::design,
     .lone = eav,
     .nodes = "CreateStmt"},
    {.card = {.id = "metadata-tribbles",
              .title = "Numbered columns",
              .why = "A search looks into each of them, and the next value needs a new column.",
              .how = "A table with one row a value.",
              .source = "sqlcheck: metadata tribbles",
              .severity = Severity::info,
              .area = Area::schema},
     .group = Group::design,
     .lone = metadata_tribbles,
     .nodes = "CreateStmt"},
    {.card = shared_card("table-inheritance"),
     .group = Group::design,
     .lone = table_inheritance,
     .nodes = "CreateStmt"},
    {.card = shared_card("unlogged-in-production"),
     .group = Group::design,
     .lone = unlogged_in_production},
    {.card = {.id = "enum-type",
              .title = "Type of enumerated values",
              .why = "A value cannot be removed, and its order and meaning sit in the type.",
              .how = "CHECK over text, or a lookup table.",
              .source = "PostgreSQL manual, datatype-enum; pgrubic",
              .severity = Severity::info,
              .area = Area::types},
     .group = Group::taste,
     .lone = enum_type,
     .nodes = "CreateEnumStmt"},
    {.card = {.id = "stored-aggregate",
              .title = "Sum of other rows kept in a column",
              .why =
                  "It is wrong after the first write that forgets it, and hot rows wait in line.",
              .how = "A view, or a materialized view that is refreshed.",
              .source = "PostgreSQL manual, rules-materializedviews",
              .severity = Severity::info,
              .area = Area::schema},
     .group = Group::design,
     .lone = stored_aggregate,
     .nodes = "ColumnDef"},
    {.card = {.id = "nullable-boolean",
              .title = "Boolean that may be NULL",
              .why = "NOT x and x = false leave out the rows that have no value.",
              .how = "NOT NULL DEFAULT false.",
              .source = "PostgreSQL manual, datatype-boolean; pgrubic",
              .severity = Severity::info,
              .area = Area::types},
     .group = Group::design,
     .section = nullable_boolean},
    {.card = {.id = "default-null-mismatch",
              .title = "Default and NOT NULL that do not fit",
              .why =
                  "NOT NULL DEFAULT NULL refuses every INSERT that relies on it; a default beside "
                  "NULL does not keep NULL out.",
              .how = "NOT NULL with a default that is a value, or neither.",
              .source = "PostgreSQL manual, ddl-default",
              .severity = Severity::info,
              .area = Area::schema},
     .group = Group::design,
     .section = default_null_mismatch},
    {.card = {.id = "nullable-by-default",
              .title = "Table whose columns may all be NULL",
              .why = "Every reader must think of NULL, and empty rows come in.",
              .how = "NOT NULL on what every row has.",
              .source = "sqlcheck; PostgreSQL manual, ddl-constraints: Not-Null Constraints",
              .severity = Severity::info,
              .area = Area::schema},
     .group = Group::taste,
     .lone = nullable_by_default},
    {.card = {.id = "naming",
              .title = "Name that gets in the way",
              .why = "It must be quoted each time, or says what needs no saying.",
              .how = "A plain word in small letters.",
              .source = "PostgreSQL manual, sql-syntax-lexical; sqlfluff RF04 and RF05",
              .severity = Severity::info,
              .area = Area::schema},
     .group = Group::taste,
     .lone = naming},
    {.card = {.id = "case-fold-trap",
              .title = "Name with capital letters",
              .why =
                  "Without quotes it is read in small letters and not found; each statement needs "
                  "the quotes.",
              .how = "Small letters and underscores.",
              .source = "PostgreSQL wiki, Don't Do This: upper case names",
              .severity = Severity::info,
              .area = Area::schema},
     .group = Group::design,
     .lone = case_fold_trap,
     .nodes = "CreateStmt AlterTableStmt"},
    {.card = {.id = "no-comment",
              .title = "Table without a comment",
              .why = "Who meets it years later has only its name.",
              .how = "COMMENT ON TABLE.",
              .source = "PostgreSQL manual, sql-comment; pg-index-health",
              .severity = Severity::info,
              .area = Area::schema},
     .group = Group::taste,
     .lone = no_comment,
     .nodes = "CreateStmt"},
};

} // namespace

const std::span<const TextRule> table_shape_rules{kTableShapeRules};

} // namespace pgkeep::lint
