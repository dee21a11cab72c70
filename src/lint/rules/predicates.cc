// Conditions that are never true, or that keep an index from being used.
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

constexpr std::size_t kListMax = 1000;

/// Nodes of these kinds, without the definitions of constraints, which other rules judge.
void walk_queries(const Node& root, const postgres::KindSet& kinds,
                  base::FunctionRef<void(const Node&)> visit) {
  postgres::walk(root, kinds | postgres::kinds<"Constraint">(), [&](const Node& node) {
    if (node.is("Constraint")) return false;
    visit(node);
    return true;
  });
}

void null_comparison(const LoneSubject& subject, TextSink& out) {
  walk_queries(subject.statement.root, postgres::kinds<"A_Expr">(), [&](const Node& node) {
    const bool is_in = node.name("kind") == "AEXPR_IN";
    const postgres::NodeList values =
        is_in ? node.node("rexpr").nodes_if("List", "items") : postgres::NodeList{};
    const bool has_null = std::ranges::any_of(values, is_null_constant);
    if (!has_null && !compares_with_null(node)) return;
    const bool is_not = is_in && postgres::strings_of(node.nodes("name")).back() == "<>";
    std::string message = "a comparison with NULL is never true: no row passes";
    if (has_null) message = "NULL in the list matches no row";
    if (has_null && is_not) message = "NULL in the list of NOT IN: no row passes at all";
    out.add(place_of(subject, node),
            {.message = std::move(message),
             .evidence = Json{{"operator", is_in ? "IN" : operator_of(node)}},
             .fix = write_instead("Write IS NULL, IS NOT NULL or IS DISTINCT FROM")});
  });
}

/// The query of NOT IN (SELECT ...) or <> ALL (SELECT ...); none for other nodes.
Node not_in_query(const Node& node) {
  if (node.is("BoolExpr") && node.name("boolop") == "NOT_EXPR") {
    const Node link = node.nodes("args").front();
    const bool is_in = link.is("SubLink") && link.name("sub_link_type") == "ANY_SUBLINK" &&
                       link.nodes("oper_name").empty();
    return is_in ? link.node("subselect") : Node{};
  }
  const bool is_all =
      node.is("SubLink") && node.name("sub_link_type") == "ALL_SUBLINK" &&
      postgres::strings_of(node.nodes("oper_name")) == std::vector<std::string>{"<>"};
  return is_all ? node.node("subselect") : Node{};
}

bool demands_value(const Query& query, const std::string& column) {
  return std::ranges::any_of(query.conditions(), [&](const Node& each) {
    // Whatever else compares it lets no NULL through either.
    const bool is_test = each.is("NullTest") && each.name("nulltesttype") == "IS_NOT_NULL";
    const bool compares = each.is("A_Expr");
    const std::vector<std::string> names = columns_in(each);
    return (is_test || compares) && std::ranges::find(names, column) != names.end();
  });
}

void judge_not_in(const Query& query, std::size_t offset, TextSink& out) {
  const postgres::NodeList targets = query.node.nodes("target_list");
  const Node target = targets.size() == 1 ? targets.front().node("val") : Node{};
  const std::vector<std::string> names = column_names(target);
  if (names.empty() || demands_value(query, names.back())) return;
  const Meaning meaning = meaning_of(target, query);
  const bool is_known = meaning.column != nullptr;
  if (is_known && meaning.column->is_not_null && !meaning.source->may_be_missing) return;
  if (!is_known && names.back() == "id") return;
  out.add(offset,
          {.severity = is_known ? Severity::warning : Severity::info,
           .object = column_object(meaning, target),
           .message = fmt::format("one NULL in {} and NOT IN lets no row through", names.back()),
           .evidence = Json{{"column", names.back()}, {"is_known_nullable", is_known}},
           .fix = write_instead("Write NOT EXISTS (SELECT FROM ... WHERE ... = ...)")});
}

void not_in_nullable(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  walk_queries(subject.statement.root, postgres::kinds<"BoolExpr SubLink">(),
               [&](const Node& node) {
                 const Node inner = not_in_query(node);
                 if (!inner) return;
                 for (const Query& query : queries.all()) {
                   if (query.node == inner) judge_not_in(query, place_of(subject, node), out);
                 }
               });
}

/// The plain index that leads with the column; null where there is none or an expression's index
/// may serve.
const IndexState* index_on(const TableState& table, std::string_view column) {
  const bool has_expression = std::ranges::any_of(table.indexes, [](const IndexState& index) {
    return std::ranges::find(index.columns, "") != index.columns.end();
  });
  if (has_expression) return nullptr;
  const auto found = std::ranges::find_if(table.indexes, [&](const IndexState& index) {
    return !index.columns.empty() && index.columns.front() == column && index.is_valid &&
           !index.is_partial && index.method == "btree";
  });
  return found == table.indexes.end() ? nullptr : &*found;
}

bool is_comparison(const Node& node) {
  if (!node.is("A_Expr")) return false;
  return is_one_of(operator_of(node), {"=", "<", ">", "<=", ">="}) ||
         is_one_of(node.name("kind"), {"AEXPR_IN", "AEXPR_BETWEEN", "AEXPR_OP_ANY"});
}

/// A comparison in which one side hides an indexed column.
struct Hidden {
  Meaning meaning;
  Node column;
  Node expression; ///< FuncCall or TypeCast.
  const IndexState* index = nullptr;
};

std::vector<Hidden> hidden_columns(const Query& query, std::string_view kind) {
  std::vector<Hidden> found;
  for (const Node& condition : query.conditions()) {
    if (!is_comparison(condition)) continue;
    for (const postgres::Field& side : {postgres::Field("lexpr"), postgres::Field("rexpr")}) {
      const Node expression = condition.node(side);
      if (!expression.is(kind)) continue;
      Node column;
      int count = 0;
      walk_expression(expression, postgres::kinds<"ColumnRef">(), [&](const Node& node) {
        if (!node.is("ColumnRef")) return true;
        column = node;
        ++count;
        return false;
      });
      const Meaning meaning = count == 1 ? meaning_of(column, query) : Meaning{};
      if (meaning.column == nullptr || meaning.query != &query) continue;
      const IndexState* const index = index_on(*meaning.source->table, meaning.column->name);
      if (index != nullptr) found.push_back({meaning, column, expression, index});
    }
  }
  return found;
}

void function_on_indexed_column(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    for (const Hidden& each : hidden_columns(query, "FuncCall")) {
      const std::string_view name = function_name(each.expression);
      const bool is_time =
          is_one_of(name, {"date_trunc", "extract", "date_part", "date", "timezone", "to_char"});
      out.add(place_of(subject, each.expression),
              {.object = column_object(each.meaning, each.column),
               .message = fmt::format("{}() around {} keeps the index {} from being used: {} is "
                                      "read from end to end",
                                      name, each.meaning.column->name, each.index->name,
                                      subject.context.with_size(each.meaning.source->relation)),
               .evidence = Json{{"function", name}, {"index", each.index->name}},
               .fix = write_instead(is_time ? "Compare the bare column with the two ends of the "
                                              "range: column >= start AND column < end"
                                            : "Compare the bare column, or build an index on the "
                                              "expression")});
    }
  }
}

void cast_on_indexed_column(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    for (const Hidden& each : hidden_columns(query, "TypeCast")) {
      const TypeText type = type_of(each.expression.node("type_name"));
      const TypeText& own = each.meaning.column->type;
      const bool is_free =
          type.name == own.name || (is_text_type(type.name) && is_text_type(own.name));
      if (is_free) continue;
      out.add(place_of(subject, each.expression),
              {.object = column_object(each.meaning, each.column),
               .message = fmt::format("{} is cast from {} to {} on every row, so the index {} is "
                                      "not used",
                                      each.meaning.column->name, own.text(), type.text(),
                                      each.index->name),
               .evidence =
                   Json{{"type", own.text()}, {"cast", type.text()}, {"index", each.index->name}},
               .fix = write_instead("Cast the other side, or compare with the ends of a range")});
    }
  }
}

/// 1.5, 1e3, or a cast to numeric or float: an integer column is converted to meet it.
bool is_fractional(const Node& node) {
  if (node.is("A_Const") && !node.flag("isnull") && node.node("fval"))
    return node.node("fval").text("fval").find_first_of(".eE") != std::string_view::npos;
  return node.is("TypeCast") &&
         is_one_of(type_of(node.node("type_name")).name, {"numeric", "float8", "float4"});
}

void implicit_cast(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    for (const Node& condition : query.conditions()) {
      if (!is_comparison(condition) || !is_fractional(condition.node("rexpr"))) continue;
      const Node column = condition.node("lexpr");
      const Meaning meaning = column.is("ColumnRef") ? meaning_of(column, query) : Meaning{};
      if (meaning.column == nullptr || !is_integer_type(meaning.column->type.name)) continue;
      const IndexState* const index = index_on(*meaning.source->table, meaning.column->name);
      const bool has_key = is_key(*meaning.source->table, {meaning.column->name});
      if (index == nullptr && !has_key) continue;
      out.add(
          place_of(subject, condition),
          {.object = column_object(meaning, column),
           .message = fmt::format("{} is {} and the value is not: the column is converted on "
                                  "every row, so its index is not used",
                                  meaning.column->name, meaning.column->type.text()),
           .evidence = Json{{"type", meaning.column->type.text()}},
           .fix = write_instead("Write a whole number, or cast the value to the column's type")});
    }
  }
}

/// The sources of a condition's columns; empty where one cannot be told.
std::vector<const Source*> sources_of(const Query& query, const Node& condition) {
  std::vector<const Source*> found;
  bool is_clear = true;
  walk_expression(condition, postgres::kinds<"ColumnRef">(), [&](const Node& node) {
    if (!node.is("ColumnRef")) return true;
    const Meaning meaning = meaning_of(node, query);
    if (!meaning || meaning.query != &query) is_clear = false;
    if (meaning && std::ranges::find(found, meaning.source) == found.end())
      found.push_back(meaning.source);
    return true;
  });
  return is_clear ? found : std::vector<const Source*>{};
}

void or_across_columns(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    for (const Node& condition : query.conditions()) {
      if (!condition.is("BoolExpr") || condition.name("boolop") != "OR_EXPR") continue;
      std::vector<const Source*> first;
      bool is_split = false;
      for (const Node& arm : condition.nodes("args")) {
        const std::vector<const Source*> own = sources_of(query, arm);
        const bool is_plain = arm.is("A_Expr") && own.size() == 1;
        if (!is_plain) {
          is_split = false;
          break;
        }
        if (first.empty()) first = own;
        is_split = is_split || own != first;
      }
      if (!is_split) continue;
      out.add(
          place_of(subject, condition),
          {.message = "OR over columns of two tables: no index of either finds the rows, so "
                      "the join is made whole first",
           .evidence = Json{{"arms", static_cast<std::int64_t>(condition.nodes("args").size())}},
           .fix = write_instead("Write two queries, one for each side, with UNION")});
    }
  }
}

void in_list_huge(const LoneSubject& subject, TextSink& out) {
  walk_queries(subject.statement.root, postgres::kinds<"A_Expr">(), [&](const Node& node) {
    if (node.name("kind") != "AEXPR_IN") return;
    const std::size_t count = node.node("rexpr").nodes_if("List", "items").size();
    if (count <= kListMax) return;
    out.add(place_of(subject, node),
            {.message = fmt::format("{} values in the text: each list of another length is parsed "
                                    "and planned anew",
                                    count),
             .evidence = Json{{"values", static_cast<std::int64_t>(count)}},
             .fix = write_instead("Write = ANY ($1) with an array, or join unnest($1)")});
  });
}

constexpr std::string_view kIndexes = "PostgreSQL manual, indexes-expressional and indexes-types";

constexpr TextRule kPredicateRules[] = {
    {.card = {.id = "null-comparison",
              .title = "Comparison with NULL",
              .why = "It is NULL for every row, so the rows that are looked for are not found.",
              .how = "IS NULL, IS NOT NULL, IS DISTINCT FROM.",
              .source = "PostgreSQL manual, functions-comparison; sqlfluff CV05",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .lone = null_comparison,
     .nodes = "A_Expr SubLink"},
    {.card = {.id = "not-in-nullable",
              .title = "NOT IN over a column that may be NULL",
              .why = "One NULL and the query finds nothing; it cannot be an anti-join either.",
              .how = "NOT EXISTS.",
              .source = "PostgreSQL wiki, Don't Do This: NOT IN",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = not_in_nullable,
     .nodes = "SubLink"},
    {.card = {.id = "function-on-indexed-column",
              .title = "Function around an indexed column",
              .why =
                  "The index holds the column, not the function's result: the table is read from "
                  "end to end.",
              .how = "Compare the bare column, or index the expression.",
              .source = kIndexes,
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = function_on_indexed_column,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "cast-on-indexed-column",
              .title = "Cast of an indexed column",
              .why = "The index holds the column's own type: the table is read from end to end.",
              .how = "Cast the other side.",
              .source = kIndexes,
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = cast_on_indexed_column,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "implicit-cast",
              .title = "Value of a wider type than the indexed column",
              .why = "The server converts the column to the value's type, on every row.",
              .how = "Give the value the column's type.",
              .source = "PostgreSQL manual, typeconv-oper",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = implicit_cast,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "or-across-columns",
              .title = "OR over columns of two tables",
              .why = "Neither table's index can choose rows: the whole join is made and filtered.",
              .how = "Two queries and UNION.",
              .source = "PostgreSQL manual, indexes-bitmap-scans",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = or_across_columns,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "in-list-huge",
              .title = "IN with more than 1000 values",
              .why = "Parsing and planning cost more than the query, again for each length.",
              .how = "= ANY ($1) with an array.",
              .source = "PostgreSQL manual, functions-comparisons",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .lone = in_list_huge,
     .nodes = "A_Expr"},
};

} // namespace

const std::span<const TextRule> predicate_rules{kPredicateRules};

} // namespace pgkeep::lint
