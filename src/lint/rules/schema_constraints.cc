// What a text's constraints let through, and those that its names promise and nobody wrote. Judged
// at the end of the section: a constraint may follow.
#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "catalog/name_words.h"
#include "lint/families.h"
#include "lint/rules/always_true.h"
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
using Names = std::vector<std::string>;

constexpr std::size_t kValuesMax = 10; // A CHECK of up to ten values is right.
constexpr int kNullsNotDistinct = 15;

bool holds(const Names& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

/// A unique constraint or index over all rows, by plain columns.
struct Unique {
  RelationName relation = {};
  Names columns = {};
  std::size_t offset = 0;
  bool are_nulls_equal = false;
  const TableState* table = nullptr;
};

std::vector<Unique> uniques_of(const Context& context) {
  std::vector<Unique> found;
  for (const Change& change : changes_of(context.section)) {
    if (change.operation != Operation::add_unique && change.operation != Operation::create_index)
      continue;
    Unique each{.relation = change.relation,
                .offset = change.offset,
                .table = context.schema.find(change.relation)};
    if (each.table == nullptr || each.table->is_temporary) continue;
    if (change.operation == Operation::add_unique) {
      each.columns = postgres::strings_of(change.node.nodes("keys"));
      if (each.columns.empty() && change.node.text("indexname").empty())
        each.columns = {change.name};
    } else if (change.operation == Operation::create_index && change.node.flag("unique") &&
               !change.node.node("where_clause")) {
      for (const Node& element : change.node.nodes("index_params"))
        each.columns.emplace_back(element.text("name"));
    }
    if (each.columns.empty() || holds(each.columns, "")) continue;
    each.are_nulls_equal = change.node.flag("nulls_not_distinct");
    found.push_back(std::move(each));
  }
  return found;
}

void unique_nullable(const Context& context, TextSink& out) {
  for (const Unique& unique : uniques_of(context)) {
    // A single nullable column is what "unique where given" is written as.
    if (unique.columns.size() < 2 || unique.are_nulls_equal) continue;
    const auto nullable = std::ranges::find_if(unique.columns, [&](const std::string& name) {
      const ColumnState* const column = unique.table->column(name);
      return column != nullptr && !column->is_not_null;
    });
    if (nullable == unique.columns.end()) continue;
    const bool has_words = context.server_major >= kNullsNotDistinct;
    out.add(
        unique.offset,
        {.object = object_of(unique.relation, *nullable),
         .message = fmt::format("({}) is unique, but {} may be NULL, and such rows repeat freely",
                                column_list(unique.columns), *nullable),
         .evidence = Json{{"columns", Json::list(unique.columns)}, {"nullable", *nullable}},
         .fix = write_instead(fmt::format("Write NOT NULL on {}{}", *nullable,
                                          has_words ? ", or UNIQUE NULLS NOT DISTINCT" : ""))});
  }
}

const ColumnState* deletion_mark(const TableState& table) {
  const auto found = std::ranges::find_if(table.columns, [](const ColumnState& column) {
    return is_one_of(column.type.name, {"timestamptz", "timestamp", "date"}) &&
           catalog::names_deletion_mark(column.name) && !column.is_not_null;
  });
  return found == table.columns.end() ? nullptr : &*found;
}

bool is_referenced(const Context& context, const Unique& unique) {
  const RelationName& name = unique.table->name;
  const std::vector<const TableState*> tables = context.schema.referencing(name);
  return std::ranges::any_of(tables, [&](const TableState* table) {
    return std::ranges::any_of(table->constraints, [&](const ConstraintState& each) {
      return each.type == 'f' && each.target_columns == unique.columns &&
             is_same(each.target, name);
    });
  });
}

void soft_delete_unique(const Context& context, TextSink& out) {
  for (const Unique& unique : uniques_of(context)) {
    const ColumnState* const mark = deletion_mark(*unique.table);
    if (mark == nullptr || holds(unique.columns, mark->name) || is_referenced(context, unique))
      continue;
    out.add(unique.offset,
            {.object = unique.columns.size() == 1
                           ? object_of(unique.relation, unique.columns.front())
                           : unique.relation.text(),
             .message = fmt::format("a row marked in {} keeps its ({}), so nobody can use it again",
                                    mark->name, column_list(unique.columns)),
             .evidence = Json{{"columns", Json::list(unique.columns)}, {"mark", mark->name}},
             .fix = write_instead("Leave UNIQUE out and write the partial index",
                                  {fmt::format("CREATE UNIQUE INDEX ON {} ({}) WHERE {} IS NULL",
                                               unique.relation.text(), column_list(unique.columns),
                                               postgres::quote_identifier(mark->name))})});
  }
}

/// The columns that each check or exclusion of a table speaks of.
std::vector<Names> checks_on(const Context& context, const TableState& table,
                             const std::vector<std::reference_wrapper<const Change>>& changes) {
  std::vector<Names> checks;
  for (const Change& change : changes) {
    const bool is_check = change.operation == Operation::add_check;
    if (!is_check && change.operation != Operation::add_exclusion) continue;
    if (context.schema.find(change.relation) != &table) continue;
    checks.push_back(columns_in(change.node));
  }
  for (const ConstraintState& each : table.constraints) {
    const bool is_key = (each.type == 'p' || each.type == 'u') && each.columns.size() == 1;
    if (is_key || (each.type != 'p' && each.type != 'u')) checks.push_back(each.columns);
  }
  return checks;
}

void status_without_check(const Context& context, TextSink& out) {
  const auto& changes = changes_of(context.section);
  for (const Change& change : changes) {
    const TableState* const table =
        change.operation == Operation::add_column ? context.schema.find(change.relation) : nullptr;
    const ColumnState* const column = table == nullptr ? nullptr : table->column(change.name);
    if (column == nullptr || !is_text_type(column->type.name) || column->type.is_array ||
        !catalog::names_state(change.name))
      continue;
    // Kinds of files are a list that others keep.
    if (catalog::any_word(catalog::NameWords(change.name).all(),
                          {"mime", "content", "media", "file"}))
      continue;
    const std::vector<Names> checks = checks_on(context, *table, changes);
    if (std::ranges::any_of(checks, [&](const Names& each) { return holds(each, change.name); }))
      continue;
    const std::string name = postgres::quote_identifier(change.name);
    out.add(change.offset,
            {.object = object_of(change.relation, change.name),
             .message = "holds any text and nothing keeps a misspelt one out",
             .evidence = Json{{"type", column->type.text()}},
             .fix = write_instead(fmt::format("Write CHECK ({} IN (...)) with the values that are "
                                              "right, or reference a lookup table",
                                              name))});
  }
}

bool is_ordered(const TypeText& type) {
  return !type.is_array &&
         is_one_of(type.name, {"int2", "int4", "int8", "numeric", "float4", "float8", "date",
                               "timestamp", "timestamptz", "time"});
}

void add_range(const Change& change, const ColumnState& high, TextSink& out) {
  out.add(change.offset,
          {.object = object_of(change.relation, change.name),
           .message = fmt::format("nothing keeps {} from being after {}", change.name, high.name),
           .evidence = Json{{"low", change.name}, {"high", high.name}, {"type", high.type.text()}},
           .fix = write_instead(fmt::format("Write CHECK ({} <= {}), or one range column with "
                                            "EXCLUDE",
                                            postgres::quote_identifier(change.name),
                                            postgres::quote_identifier(high.name)))});
}

void check_missing_range(const Context& context, TextSink& out) {
  const auto& changes = changes_of(context.section);
  for (const Change& change : changes) {
    const TableState* const table =
        change.operation == Operation::add_column ? context.schema.find(change.relation) : nullptr;
    const ColumnState* const low = table == nullptr ? nullptr : table->column(change.name);
    // A transfer's from and to are accounts, not a range.
    if (low == nullptr || !is_ordered(low->type) || change.name.ends_with("id")) continue;
    const std::vector<std::string> ends = catalog::other_ends(change.name);
    if (ends.empty()) continue;
    const std::vector<Names> checks = checks_on(context, *table, changes);
    const bool has_exclusion = std::ranges::any_of(
        table->constraints, [](const ConstraintState& each) { return each.type == 'x'; });
    for (const std::string& end : ends) {
      for (const ColumnState& high : table->columns) {
        const bool is_end = catalog::NameWords(high.name).joined() == end;
        const bool are_compared =
            has_exclusion || std::ranges::any_of(checks, [&](const Names& each) {
              return holds(each, low->name) && holds(each, high.name);
            });
        if (is_end && high.type.name == low->type.name && !are_compared)
          add_range(change, high, out);
      }
    }
  }
}

void check_never_false(const LoneSubject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::add_check) continue;
    const auto reason = why_never_false(change.node.node("raw_expr"));
    if (!reason) continue;
    out.add(change.offset,
            {.object = change.name.empty() ? change.relation.text()
                                           : object_of(change.relation, change.name),
             .message = fmt::format("this CHECK refuses no row: {}", *reason),
             .evidence = Json{{"reason", *reason}},
             .fix = write_instead("Write the condition that a wrong row breaks; NULL passes every "
                                  "CHECK")});
  }
}

void values_in_definition(const LoneSubject& subject, TextSink& out) {
  for (const Change& change : subject.changes) {
    if (change.operation != Operation::add_check) continue;
    postgres::walk(
        change.node.node("raw_expr"), postgres::kinds<"A_Expr">(), [&](const Node& node) {
          if (!node.is("A_Expr") || node.name("kind") != "AEXPR_IN") return true;
          const std::size_t count = node.node("rexpr").nodes_if("List", "items").size();
          if (count <= kValuesMax) return true;
          out.add(
              node.offset().value_or(change.offset),
              {.object = change.name.empty() ? change.relation.text()
                                             : object_of(change.relation, change.name),
               .message = fmt::format("{} values stand in the definition: each new one changes the "
                                      "table under a strong lock",
                                      count),
               .evidence = Json{{"values", static_cast<std::int64_t>(count)}},
               .fix = write_instead("Write a lookup table with these values, and a foreign key")});
          return true;
        });
  }
}

constexpr TextRule kSchemaConstraintRules[] = {
    {.card = shared_card("unique-nullable"), .group = Group::design, .section = unique_nullable},
    {.card = shared_card("soft-delete-unique"),
     .group = Group::design,
     .section = soft_delete_unique},
    {.card = shared_card("status-without-check"),
     .group = Group::design,
     .section = status_without_check},
    {.card = shared_card("check-missing-range"),
     .group = Group::design,
     .section = check_missing_range},
    {.card = {.id = "check-never-false",
              .title = "CHECK that no row can break",
              .why = "It looks like a guard and lets everything in: only false refuses a row, NULL "
                     "and true pass.",
              .how = "Compare with IS NULL, and join conditions with AND where all must hold.",
              .source = "PostgreSQL manual, ddl-constraints: Check Constraints",
              .severity = Severity::warning,
              .area = Area::schema},
     .group = Group::design,
     .lone = check_never_false,
     .nodes = "AlterTableStmt CreateStmt"},
    {.card = {.id = "values-in-definition",
              .title = "CHECK with a long list of values",
              .why = "Each new value is a change of the table, and nothing can be said about a "
                     "value.",
              .how = "A lookup table and a foreign key; up to ten values are right in a CHECK.",
              .source = "sqlcheck: values in definition",
              .severity = Severity::info,
              .area = Area::schema},
     .group = Group::design,
     .lone = values_in_definition,
     .nodes = "AlterTableStmt CreateStmt"},
};

} // namespace

const std::span<const TextRule> schema_constraint_rules{kSchemaConstraintRules};

} // namespace pgkeep::lint
