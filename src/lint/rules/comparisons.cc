// Comparisons and counts whose result is not what the words say, by the types that are known.
#include <algorithm>

#include <fmt/format.h>

#include "catalog/name_words.h"
#include "lint/families.h"
#include "lint/rules/always_true.h"
#include "lint/rules/column_changes.h"
#include "lint/rules/query_tree.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using catalog::is_one_of;
using findings::Area;
using findings::Severity;
using postgres::Node;

std::size_t place_of(const Subject& subject, const Node& node) {
  return node.offset().value_or(subject.statement.begin);
}

/// 0.1 has no exact binary form, 0.5 has.
bool is_inexact(const Node& value) {
  if (!value.is("A_Const") || value.flag("isnull") || !value.node("fval")) return false;
  const std::string_view digits = value.node("fval").text("fval");
  const std::size_t dot = digits.find('.');
  return dot != std::string_view::npos &&
         !is_one_of(digits.substr(dot), {".", ".0", ".5", ".25", ".75", ".50", ".00"});
}

void float_equality(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    for (const Node& condition : query.conditions()) {
      const Node column = operator_of(condition) == "=" ? condition.node("lexpr") : Node{};
      if (!column.is("ColumnRef") || !is_inexact(condition.node("rexpr"))) continue;
      const Meaning meaning = meaning_of(column, query);
      const bool is_float =
          meaning.column != nullptr && is_one_of(meaning.column->type.name, {"float4", "float8"});
      if (!is_float) continue;
      out.add(
          place_of(subject, condition),
          {.object = object_of(meaning.source->relation, meaning.column->name),
           .message = fmt::format("{} is {}: what was computed to be this value differs from it "
                                  "in the last bits",
                                  meaning.column->name, meaning.column->type.text()),
           .evidence = Json{{"type", meaning.column->type.text()}},
           .fix = write_instead("Compare with a range, or make the column numeric")});
    }
  }
}

void count_nullable(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    walk_own(query, [&](const Node& node) {
      if (function_name(node) != "count" || node.flag("agg_star") || node.flag("agg_distinct"))
        return true;
      const std::vector<Node> arguments = node.nodes("args");
      const bool is_column = arguments.size() == 1 && arguments.front().is("ColumnRef");
      const Meaning meaning = is_column ? meaning_of(arguments.front(), query) : Meaning{};
      // Beside an outer join it is how the matches are counted.
      const bool is_meant = meaning.source != nullptr && meaning.source->may_be_missing;
      if (meaning.column == nullptr || meaning.column->is_not_null || is_meant) return true;
      out.add(place_of(subject, node),
              {.object = object_of(meaning.source->relation, meaning.column->name),
               .message = fmt::format("count({}) leaves out the rows in which it is NULL",
                                      meaning.column->name),
               .evidence = Json{{"column", meaning.column->name}},
               .fix = write_instead("Write count(*) for rows, or count(*) FILTER (WHERE ... IS NOT "
                                    "NULL) to say what is meant")});
      return true;
    });
  }
}

/// True or false whatever the rows are: 1 = 1, 'a' = 'b', true.
std::optional<bool> constant_value(const Node& condition) {
  if (condition.is("A_Const") && !condition.flag("isnull") && condition.node("boolval"))
    return condition.node("boolval").flag("boolval");
  if (operator_of(condition) != "=") return std::nullopt;
  const Node left = condition.node("lexpr");
  const Node right = condition.node("rexpr");
  const bool are_plain = left.is("A_Const") && right.is("A_Const") && !is_null_constant(left) &&
                         !is_null_constant(right);
  if (!are_plain) return std::nullopt;
  return postgres::digest(left) == postgres::digest(right);
}

void constant_condition(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    for (const Node& condition : query.conditions()) {
      const bool is_or = condition.is("BoolExpr") && condition.name("boolop") == "OR_EXPR";
      const std::vector<Node> arms = is_or ? condition.nodes("args") : std::vector<Node>{};
      // "WHERE 1 = 1 AND" is how programs begin a list; CREATE TABLE AS takes the shape alone.
      const bool opens_all = std::ranges::any_of(
          arms, [](const Node& arm) { return constant_value(arm) == std::optional(true); });
      const bool closes = !is_or && constant_value(condition) == std::optional(false) &&
                          query.place != Place::view && query.place != Place::exists;
      if (!opens_all && !closes) continue;
      out.add(place_of(subject, condition),
              {.message = opens_all ? "one side of OR is always true, so the whole condition is: "
                                      "every row passes"
                                    : "the condition is never true: no row passes",
               .evidence = Json{{"always", opens_all}},
               .fix = write_instead("Write the condition that is meant")});
    }
  }
}

void cte_materialized(const Subject& subject, TextSink& out) {
  postgres::walk(subject.statement.root, [&](const Node& node) {
    const bool is_fence =
        node.is("CommonTableExpr") && node.name("ctematerialized") == "CTEMaterializeAlways";
    if (!is_fence || !node.node("ctequery").is("SelectStmt")) return true;
    int uses = 0;
    postgres::walk(subject.statement.root, [&](const Node& other) {
      if (other.is("RangeVar") && other.text("relname") == node.text("ctename")) ++uses;
      return true;
    });
    if (uses != 1) return true;
    out.add(place_of(subject, node),
            {.object = std::string(node.text("ctename")),
             .message = "MATERIALIZED keeps conditions outside from reaching into it: all its rows "
                        "are made first",
             .evidence = Json{{"uses", uses}},
             .fix = write_instead("Leave MATERIALIZED out, unless the plan was looked at")});
    return true;
  });
}

constexpr TextRule kRules[] = {
    {.card = {.id = "float-equality",
              .title = "Floating-point column compared by =",
              .why =
                  "Most decimal fractions have no exact binary form: rows that show the value are "
                  "not found.",
              .how = "A range, or numeric.",
              .source = "PostgreSQL manual, datatype-numeric: Floating-Point Types",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = float_equality},
    {.card = {.id = "count-nullable",
              .title = "count() of a column that may be NULL",
              .why = "It counts values, not rows, which is seldom noticed.",
              .how = "count(*), or FILTER that says what is counted.",
              .source = "PostgreSQL manual, functions-aggregate",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = count_nullable},
    {.card = {.id = "constant-condition",
              .title = "Condition that does not depend on the rows",
              .why = "Every row passes, or none: seldom what was meant, and what an injected "
                     "statement looks like.",
              .how = "The condition that is meant.",
              .source = "sqlfluff ST10",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = constant_condition},
    {.card = {.id = "cte-materialized",
              .title = "WITH ... AS MATERIALIZED that is read once",
              .why = "It is a fence for the planner: no condition and no index reaches in.",
              .how = "Leave MATERIALIZED out.",
              .source = "PostgreSQL manual, queries-with: CTE Materialization",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = cte_materialized},
};

} // namespace

const std::span<const TextRule> comparison_rules{kRules};

} // namespace pgkeep::lint
