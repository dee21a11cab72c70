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
    walk_own(query, postgres::kinds<"FuncCall">(), [&](const Node& node) {
      if (function_name(node) != "count" || node.flag("agg_star") || node.flag("agg_distinct"))
        return true;
      const postgres::NodeList arguments = node.nodes("args");
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

void cte_materialized(const LoneSubject& subject, TextSink& out) {
  postgres::walk(
      subject.statement.root, postgres::kinds<"CommonTableExpr">(), [&](const Node& node) {
        const bool is_fence =
            node.is("CommonTableExpr") && node.name("ctematerialized") == "CTEMaterializeAlways";
        if (!is_fence || !node.node("ctequery").is("SelectStmt")) return true;
        int uses = 0;
        postgres::walk(subject.statement.root, postgres::kinds<"RangeVar">(),
                       [&](const Node& other) {
                         if (other.is("RangeVar") && other.text("relname") == node.text("ctename"))
                           ++uses;
                         return true;
                       });
        if (uses != 1) return true;
        out.add(place_of(subject, node),
                {.object = std::string(node.text("ctename")),
                 .message =
                     "MATERIALIZED keeps conditions outside from reaching into it: all its rows "
                     "are made first",
                 .evidence = Json{{"uses", uses}},
                 .fix = write_instead("Leave MATERIALIZED out, unless the plan was looked at")});
        return true;
      });
}

bool is_negation(const Node& condition) {
  const bool is_not_in =
      condition.is("A_Expr") && condition.name("kind") == "AEXPR_IN" &&
      postgres::strings_of(condition.nodes("name")) == std::vector<std::string>{"<>"};
  return is_not_in || operator_of(condition) == "<>";
}

bool leads_index(const TableState& table, std::string_view column) {
  return std::ranges::any_of(table.indexes, [&](const IndexState& index) {
    return !index.columns.empty() && index.columns.front() == column && !index.is_partial;
  });
}

void negated_index(const Subject& subject, TextSink& out) {
  for (const Query& query : queries_of(subject).all()) {
    const auto conditions = query.conditions();
    if (conditions.empty() || !std::ranges::all_of(conditions, is_negation)) continue;
    for (const Node& condition : conditions) {
      const Node column = condition.node("lexpr");
      const Meaning meaning = column.is("ColumnRef") ? meaning_of(column, query) : Meaning{};
      const bool is_indexed = meaning && meaning.source->table != nullptr &&
                              leads_index(*meaning.source->table, column_names(column).back());
      if (!is_indexed) continue;
      const std::string name = column_names(column).back();
      out.add(place_of(subject, condition),
              {.object = object_of(meaning.source->relation, name),
               .message = fmt::format("the index on {} finds what is equal, and not what differs: "
                                      "every row is read",
                                      name),
               .evidence = Json{{"column", name}},
               .fix = write_instead("Name the values that are meant with IN, or build a partial "
                                    "index WHERE the column differs from the common value")});
    }
  }
}

bool is_padded(const Meaning& meaning) {
  return meaning.column != nullptr && meaning.column->type.name == "bpchar" &&
         !meaning.column->type.is_array;
}

/// LIKE sees the blanks of char(n), = does not; text keeps them and char(n) = text drops them.
void trailing_space_compare(const Subject& subject, TextSink& out) {
  for (const Query& query : queries_of(subject).all()) {
    for (const Node& condition : query.conditions()) {
      const Node left = condition.is("A_Expr") ? condition.node("lexpr") : Node{};
      const Meaning meaning = left.is("ColumnRef") ? meaning_of(left, query) : Meaning{};
      if (!is_padded(meaning)) continue;
      const Node right = condition.node("rexpr");
      const auto pattern = string_constant(right);
      const Meaning other = right.is("ColumnRef") ? meaning_of(right, query) : Meaning{};
      const bool is_like = is_one_of(condition.name("kind"), {"AEXPR_LIKE", "AEXPR_ILIKE"}) &&
                           pattern && !pattern->ends_with('%') && !pattern->ends_with(' ');
      const bool is_mixed = operator_of(condition) == "=" && other.column != nullptr &&
                            is_text_type(other.column->type.name) && !is_padded(other);
      if (!is_like && !is_mixed) continue;
      const std::string column = object_of(meaning.source->relation, meaning.column->name);
      out.add(place_of(subject, condition),
              {.object = column,
               .message = is_like
                              ? fmt::format("{} is padded with blanks, which LIKE sees: a shorter "
                                            "value never matches",
                                            column)
                              : fmt::format("{} is padded with blanks and the other side is not: "
                                            "blanks at its end decide whether they are equal",
                                            column),
               .evidence = Json{{"type", meaning.column->type.text()}},
               .fix = write_instead("Make the column text, or compare rtrim() of both")});
    }
  }
}

/// Functions that give another value for each row.
bool is_running_clock(const Node& node) {
  return is_one_of(function_name(node), {"clock_timestamp", "timeofday"});
}

void now_vs_clock(const Subject& subject, TextSink& out) {
  for (const Query& query : queries_of(subject).all()) {
    for (const Node& condition : query.conditions()) {
      bool names_column = false;
      Node clock;
      walk_expression(condition, postgres::kinds<"ColumnRef FuncCall">(), [&](const Node& node) {
        names_column = names_column || node.is("ColumnRef");
        if (is_running_clock(node)) clock = node;
        return true;
      });
      if (!clock || !names_column) continue;
      out.add(place_of(subject, clock),
              {.message = fmt::format("{}() is another moment for each row: no index serves the "
                                      "condition, and rows are measured by different clocks",
                                      function_name(clock)),
               .evidence = Json{{"function", std::string(function_name(clock))}},
               .fix = write_instead("Write now(), or statement_timestamp() in a long "
                                    "transaction")});
    }
  }
}

void nested_case(const LoneSubject& subject, TextSink& out) {
  postgres::walk(subject.statement.root, postgres::kinds<"CaseExpr">(), [&](const Node& node) {
    const Node otherwise = node.is("CaseExpr") ? node.node("defresult") : Node{};
    if (!otherwise.is("CaseExpr") || otherwise.node("arg") || node.node("arg")) return true;
    out.add(
        place_of(subject, otherwise),
        {.message = "ELSE CASE is one more list of WHEN: the inner one can stand in the outer",
         .evidence = Json{{"branches", static_cast<std::int64_t>(otherwise.nodes("args").size())}},
         .fix = write_instead("Write its WHENs behind those of the outer CASE")});
    return true;
  });
}

/// What DISTINCT could remove is not there.
std::string needless_distinct(const Query& query, const std::vector<Node>& tested) {
  const Node& select = query.node;
  if (query.place == Place::exists) return "EXISTS asks for one row, repeated or not";
  if (std::ranges::find(tested, select) != tested.end()) return "IN and ANY do not count rows";
  const postgres::NodeList groups = select.nodes("group_clause");
  const postgres::NodeList targets = select.nodes("target_list");
  const bool are_all_there = !groups.empty() && std::ranges::all_of(groups, [&](const Node& group) {
    return group.is("ColumnRef") && std::ranges::any_of(targets, [&](const Node& target) {
             return postgres::digest(target.node("val")) == postgres::digest(group);
           });
  });
  return are_all_there ? "GROUP BY gives each group once" : "";
}

/// The queries of IN, ANY and ALL.
std::vector<Node> tested_queries(const Node& root) {
  std::vector<Node> found;
  postgres::walk(root, postgres::kinds<"SubLink">(), [&](const Node& node) {
    if (node.is("SubLink") && is_one_of(node.name("sub_link_type"), {"ANY_SUBLINK", "ALL_SUBLINK"}))
      found.push_back(node.node("subselect"));
    return true;
  });
  return found;
}

void redundant_distinct(const Subject& subject, TextSink& out) {
  const std::vector<Node> tested = tested_queries(subject.statement.root);
  for (const Query& query : queries_of(subject).all()) {
    const postgres::NodeList distinct = query.node.nodes_if("SelectStmt", "distinct_clause");
    const bool is_plain = distinct.size() == 1 && !distinct.front();
    const bool is_limited = is_plain && query.node.node("limit_count");
    const std::string why =
        is_plain && !is_limited ? needless_distinct(query, tested) : std::string{};
    const postgres::NodeList targets = query.node.nodes_if("SelectStmt", "target_list");
    if (why.empty() || targets.empty()) continue;
    out.add(place_of(subject, targets.front()),
            {.message = why + ": DISTINCT sorts or hashes the rows for nothing",
             .evidence = Json{{"reason", why}},
             .fix = write_instead("Leave DISTINCT out")});
  }
}

constexpr TextRule kComparisonRules[] = {
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
     .statement = float_equality,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "count-nullable",
              .title = "count() of a column that may be NULL",
              .why = "It counts values, not rows, which is seldom noticed.",
              .how = "count(*), or FILTER that says what is counted.",
              .source = "PostgreSQL manual, functions-aggregate",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = count_nullable,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "constant-condition",
              .title = "Condition that does not depend on the rows",
              .why = "Every row passes, or none: seldom what was meant, and what an injected "
                     "statement looks like.",
              .how = "The condition that is meant.",
              .source = "sqlfluff ST10",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = constant_condition,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "cte-materialized",
              .title = "WITH ... AS MATERIALIZED that is read once",
              .why = "It is a fence for the planner: no condition and no index reaches in.",
              .how = "Leave MATERIALIZED out.",
              .source = "PostgreSQL manual, queries-with: CTE Materialization",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .lone = cte_materialized,
     .nodes = "CommonTableExpr"},
    {.card = {.id = "negated-index",
              .title = "Condition that only says what a column is not",
              .why = "No index finds rows that differ from a value: the whole table is read.",
              .how = "The values that are meant, or a partial index.",
              .source = "PostgreSQL manual, indexes-types: B-Tree; indexes-partial",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = negated_index,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "trailing-space-compare",
              .title = "char(n) compared where its blanks count",
              .why = "The same words are equal here and differ there.",
              .how = "text in place of char(n).",
              .source = "PostgreSQL manual, datatype-character; wiki, Don't Do This: char(n)",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = trailing_space_compare,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "now-vs-clock",
              .title = "Condition with a clock that runs on",
              .why = "clock_timestamp() is called for each row, so no index can serve it.",
              .how = "now(), which stands still in a transaction.",
              .source =
                  "PostgreSQL manual, functions-datetime: Current Date/Time; xfunc-volatility",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = now_vs_clock,
     .nodes = "FuncCall"},
    {.card = {.id = "nested-case",
              .title = "CASE in the ELSE of another",
              .why = "It reads as a decision within a decision and is one list.",
              .how = "One CASE with all WHENs.",
              .source = "sqlfluff ST04",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::taste,
     .lone = nested_case,
     .nodes = "CaseExpr"},
    {.card = {.id = "redundant-distinct",
              .title = "DISTINCT where nothing repeats",
              .why = "All rows are sorted or hashed to find what cannot be there.",
              .how = "Leave it out.",
              .source = "sqlfluff AM01, ST08; PostgreSQL manual, functions-subquery",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = redundant_distinct,
     .nodes = "SelectStmt"},
};

} // namespace

const std::span<const TextRule> comparison_rules{kComparisonRules};

} // namespace pgkeep::lint
