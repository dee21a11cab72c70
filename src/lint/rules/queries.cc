// What a query asks for: its columns, its order, how many rows.
#include <algorithm>

#include <fmt/format.h>

#include "catalog/name_words.h"
#include "lint/families.h"
#include "lint/rules/column_changes.h"
#include "lint/rules/query_tree.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using catalog::is_one_of;
using findings::Area;
using findings::Severity;
using postgres::Node;

constexpr std::int64_t kOffsetMax = 1000;

std::string names_of_columns(const TableState& table) {
  std::vector<std::string> names;
  names.reserve(table.columns.size());
  for (const ColumnState& column : table.columns)
    names.push_back(column.name);
  return column_list(names);
}

/// The tables that a star of this query stands for; empty where it stands for what the text lists.
std::vector<const Source*> starred(const Query& query, const Node& star) {
  std::vector<const Source*> tables;
  const postgres::NodeList fields = star.nodes("fields");
  const std::vector<std::string> names = postgres::strings_of({fields.begin(), fields.end() - 1});
  for (const Source& source : query.sources) {
    const bool is_meant = names.empty() || source.alias == names.back();
    const bool is_table =
        source.relation && !(source.table != nullptr && source.table->is_temporary);
    if (is_meant && is_table) tables.push_back(&source);
  }
  return tables;
}

void select_star(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    if (!query.node.is("SelectStmt") || query.place == Place::exists || query.is_about_catalog())
      continue;
    for (const Node& target : query.node.nodes("target_list")) {
      const Node star = target.node("val");
      if (!is_star(star)) continue;
      const std::vector<const Source*> tables = starred(query, star);
      if (tables.empty()) continue;
      const TableState* const table = tables.front()->table;
      const bool is_known = table != nullptr && table->are_columns_known && tables.size() == 1;
      out.add(place_of(subject, star),
              {.object = tables.front()->relation.text(),
               .message = "* takes every column there is today, and another set after the next "
                          "change of the table",
               .evidence = Json{{"table", tables.front()->relation.text()}},
               .fix = write_instead(is_known ? "Write the columns that are used, of: " +
                                                   names_of_columns(*table)
                                             : "Write the columns that are used")});
    }
  }
}

void insert_without_columns(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    const Node& node = query.node;
    if (!node.is("InsertStmt") || !node.nodes("cols").empty() || !node.node("select_stmt"))
      continue;
    const Source& source = query.sources.front();
    if (source.table != nullptr && source.table->is_temporary) continue;
    const bool is_known = source.is_known();
    out.add(place_of(subject, node.node("relation")),
            {.object = source.relation.text(),
             .message = "values go to columns by their order, so the next new column breaks the "
                        "statement or puts them elsewhere",
             .evidence = Json{{"table", source.relation.text()}},
             .fix = write_instead(
                 is_known ? fmt::format("Write INSERT INTO {} ({})", source.relation.text(),
                                        names_of_columns(*source.table))
                          : fmt::format("Write the columns after {}", source.relation.text()))});
  }
}

bool asks_for_rows(const Query& query) {
  return query.node.is("SelectStmt") && !query.sources.empty() && !query.is_about_catalog();
}

bool is_single_row(const Query& query) {
  const bool has_group = !query.node.nodes("group_clause").empty();
  const postgres::NodeList targets = query.node.nodes("target_list");
  const bool is_total = !has_group && std::ranges::any_of(targets, has_aggregate);
  const bool is_by_key =
      query.sources.size() == 1 && query.sources.front().table != nullptr &&
      is_key(*query.sources.front().table, equated_columns(query, query.sources.front()));
  return is_total || is_by_key;
}

/// SELECT 1 FROM ... LIMIT 1 asks whether there is a row.
bool takes_no_column(const Query& query) {
  const postgres::NodeList targets = query.node.nodes("target_list");
  return std::ranges::all_of(targets, [](const Node& target) {
    return columns_in(target).empty() && !is_star(target.node("val"));
  });
}

void limit_without_order(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    // A batch of a DELETE, or the rows of EXISTS, may be any.
    const bool is_result = query.place == Place::top || query.place == Place::view ||
                           query.place == Place::insert || query.place == Place::from;
    if (!is_result || !asks_for_rows(query)) continue;
    const Node limit = query.node.node("limit_count");
    if (!limit || is_null_constant(limit) || !query.node.nodes("sort_clause").empty()) continue;
    const bool is_table = std::ranges::any_of(
        query.sources, [](const Source& each) { return static_cast<bool>(each.relation); });
    if (!is_table || is_single_row(query) || takes_no_column(query)) continue;
    out.add(place_of(subject, limit),
            {.message = "LIMIT without ORDER BY: which rows come back is the server's choice, and "
                        "changes from run to run",
             .evidence = Json{{"order", ""}},
             .fix = write_instead("Write ORDER BY with a unique last column before LIMIT")});
  }
}

void order_by_random(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    if (!asks_for_rows(query)) continue;
    for (const Node& sort : query.node.nodes("sort_clause")) {
      const std::string_view name = function_name(sort.node("node"));
      if (!is_one_of(name, {"random", "gen_random_uuid", "uuid_generate_v4"})) continue;
      out.add(
          place_of(subject, sort.node("node")),
          {.message = fmt::format("ORDER BY {}() reads and sorts every row to keep a few", name),
           .evidence = Json{{"function", name}},
           .fix = write_instead("Write TABLESAMPLE, or a random point in an indexed column and "
                                "the rows after it")});
    }
  }
}

void order_by_ordinal(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    if (!asks_for_rows(query)) continue;
    for (const Node& sort : query.node.nodes("sort_clause")) {
      const auto number = integer_constant(sort.node("node"));
      if (!number) continue;
      out.add(place_of(subject, sort.node("node")),
              {.message = fmt::format("ORDER BY {} sorts by another column when one is put before "
                                      "it",
                                      *number),
               .evidence = Json{{"position", *number}},
               .fix = write_instead("Write the name of the column")});
    }
  }
}

void distinct_on_without_order(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    if (!query.node.is("SelectStmt")) continue;
    const postgres::NodeList distinct = query.node.nodes("distinct_clause");
    const bool is_on = !distinct.empty() && distinct.front();
    if (!is_on) continue;
    const postgres::NodeList sort = query.node.nodes("sort_clause");
    // The expressions of DISTINCT ON come first in ORDER BY: what follows chooses the row.
    if (sort.size() > distinct.size()) continue;
    out.add(place_of(subject, distinct.front()),
            {.message = "DISTINCT ON keeps the first row of each group, and nothing says which is "
                        "first",
             .evidence = Json{{"order_by", static_cast<std::int64_t>(sort.size())},
                              {"distinct_on", static_cast<std::int64_t>(distinct.size())}},
             .fix = write_instead("Write ORDER BY with the same expressions and then the column "
                                  "that chooses")});
  }
}

void offset_pagination(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    if (!asks_for_rows(query)) continue;
    const Node offset = query.node.node("limit_offset");
    if (!offset || !query.node.node("limit_count")) continue;
    const auto rows = integer_constant(offset);
    if (rows && *rows <= kOffsetMax) continue;
    out.add(
        place_of(subject, offset),
        {.severity = rows ? Severity::warning : Severity::info,
         .message = rows ? fmt::format("OFFSET {} reads {} rows to throw them away", *rows, *rows)
                         : std::string("OFFSET reads all rows of the pages before to throw them "
                                       "away, and rows that come or go shift the pages"),
         .evidence = Json{{"offset", rows.value_or(-1)}},
         .fix = write_instead("Write WHERE (sort columns) > (the last row's) and LIMIT")});
  }
}

void having_without_group(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    if (!query.node.is("SelectStmt")) continue;
    const Node having = query.node.node("having_clause");
    if (!having || !query.node.nodes("group_clause").empty()) continue;
    out.add(place_of(subject, having),
            {.message = "HAVING without GROUP BY makes the whole result one row or none",
             .evidence = Json{{"group_by", ""}},
             .fix = write_instead("Write WHERE for conditions on rows, or the GROUP BY that is "
                                  "meant")});
  }
}

/// A constant column whose value differs: no row of one branch is a row of the other.
bool are_disjoint(const Node& left, const Node& right) {
  const postgres::NodeList a = left.nodes("target_list");
  const postgres::NodeList b = right.nodes("target_list");
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    const auto here = string_constant(a[i].node("val"));
    const auto there = string_constant(b[i].node("val"));
    const auto one = integer_constant(a[i].node("val"));
    const auto two = integer_constant(b[i].node("val"));
    if ((here && there && *here != *there) || (one && two && *one != *two)) return true;
  }
  return false;
}

void union_without_all(const LoneSubject& subject, TextSink& out) {
  postgres::walk(subject.statement.root, postgres::kinds<"SelectStmt">(), [&](const Node& node) {
    const bool is_union =
        node.is("SelectStmt") && node.name("op") == "SETOP_UNION" && !node.flag("all");
    if (!is_union || !are_disjoint(node.node("larg"), node.node("rarg"))) return true;
    const postgres::NodeList targets = node.node("rarg").nodes("target_list");
    out.add(targets.empty() ? subject.statement.begin : place_of(subject, targets.front()),
            {.message = "UNION sorts or hashes all rows to find repeated ones, and a constant that "
                        "differs says there are none between the branches",
             .evidence = Json{{"operation", "UNION"}},
             .fix = write_instead("Write UNION ALL, unless one branch alone repeats rows")});
    return true;
  });
}

void group_by_vs_distinct(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    if (!query.node.is("SelectStmt")) continue;
    const postgres::NodeList distinct = query.node.nodes("distinct_clause");
    const bool is_plain = !distinct.empty() && !distinct.front();
    const postgres::NodeList groups = query.node.nodes("group_clause");
    if (!is_plain || groups.empty()) continue;
    out.add(place_of(subject, groups.front()),
            {.message = "DISTINCT over groups: the rows are grouped, then compared once more",
             .evidence = Json{{"group_by", static_cast<std::int64_t>(groups.size())}},
             .fix = write_instead("Leave DISTINCT out where the grouped columns are selected, or "
                                  "GROUP BY out where nothing is aggregated")});
  }
}

/// The sources that an expression takes columns of; none where one cannot be told.
std::optional<std::vector<const Source*>> sources_in(const Query& query,
                                                     const std::vector<Node>& expressions) {
  std::vector<const Source*> found;
  bool is_clear = true;
  for (const Node& expression : expressions) {
    walk_expression(expression, postgres::kinds<"ColumnRef">(), [&](const Node& node) {
      if (!node.is("ColumnRef")) return true;
      const Meaning meaning = meaning_of(node, query);
      is_clear = is_clear && meaning && !is_star(node);
      if (meaning && std::ranges::find(found, meaning.source) == found.end())
        found.push_back(meaning.source);
      return true;
    });
  }
  if (!is_clear) return std::nullopt;
  return found;
}

void distinct_with_join(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    if (!query.node.is("SelectStmt") || query.sources.size() < 2) continue;
    const postgres::NodeList distinct = query.node.nodes("distinct_clause");
    if (distinct.empty() || distinct.front()) continue;
    const auto used = sources_in(query, query.node.nodes("target_list"));
    if (!used || used->size() != 1 || !used->front()->relation) continue;
    out.add(
        query.node.nodes("target_list").front().offset().value_or(subject.statement.begin),
        {.object = used->front()->relation.text(),
         .message = fmt::format("DISTINCT takes away the rows of {} that the join repeats: they "
                                "are made, then sorted out",
                                used->front()->relation.text()),
         .evidence = Json{{"tables", static_cast<std::int64_t>(query.sources.size())}},
         .fix = write_instead("Write WHERE EXISTS (SELECT FROM ...) in place of the join")});
  }
}

void select_into_table(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  // In PL/pgSQL it is an assignment.
  if (!root.is("SelectStmt") || subject.statement.origin != Origin::text) return;
  const Node into = root.node("into_clause");
  if (!into) return;
  out.add(place_of(subject, into.node("rel")),
          {.object = relation_of(into.node("rel")).text(),
           .message = "SELECT INTO makes a table here, and fills a variable in PL/pgSQL",
           .evidence = Json{{"table", relation_of(into.node("rel")).text()}},
           .fix = write_instead(fmt::format("Write CREATE TABLE {} AS SELECT ...",
                                            relation_of(into.node("rel")).text()))});
}

constexpr std::string_view kSelect = "PostgreSQL manual, sql-select";

constexpr TextRule kQueryRules[] = {
    {.card = {.id = "select-star",
              .title = "SELECT *",
              .why = "A new column changes what the program gets, a view keeps the old set, and "
                     "rows carry what nobody reads.",
              .how = "Name the columns.",
              .source = "sqlfluff AM04; sqlcheck",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = select_star,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "insert-without-columns",
              .title = "INSERT without a list of columns",
              .why = "The next new or moved column breaks it, or puts values into the wrong "
                     "column.",
              .how = "Name the columns after the table.",
              .source = "PostgreSQL manual, sql-insert; sqlcheck",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = insert_without_columns,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "limit-without-order",
              .title = "LIMIT without ORDER BY",
              .why = "Pages repeat and miss rows, and results differ from run to run.",
              .how = "ORDER BY, with a unique column last.",
              .source = "PostgreSQL manual, queries-limit; sqlfluff AM09",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = limit_without_order,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "order-by-random",
              .title = "ORDER BY random()",
              .why = "Every row is read and sorted for a handful: it grows with the table.",
              .how = "TABLESAMPLE, or a random starting point in an index.",
              .source = "PostgreSQL manual, sql-select: TABLESAMPLE; sqlcheck",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = order_by_random,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "order-by-ordinal",
              .title = "ORDER BY a position",
              .why = "A column put before it changes the order without an error.",
              .how = "Name the column.",
              .source = kSelect,
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = order_by_ordinal,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "distinct-on-without-order",
              .title = "DISTINCT ON without an order that chooses",
              .why = "Which row of each group comes back is the server's choice.",
              .how = "ORDER BY the same expressions, then what chooses.",
              .source = "PostgreSQL manual, sql-select: DISTINCT Clause",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = distinct_on_without_order,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "offset-pagination",
              .title = "Pages by OFFSET",
              .why = "The rows before the page are read and thrown away: the last page costs as "
                     "much as all.",
              .how = "Go on from the last row's sort columns.",
              .source = "PostgreSQL manual, queries-limit",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = offset_pagination,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "having-without-group",
              .title = "HAVING without GROUP BY",
              .why = "The result is one row or none, which is seldom meant.",
              .how = "WHERE, or the missing GROUP BY.",
              .source = "PostgreSQL manual, sql-select: HAVING Clause",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = having_without_group,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "union-without-all",
              .title = "UNION where UNION ALL would do",
              .why = "All rows are sorted or hashed to find repeats that cannot be there.",
              .how = "UNION ALL.",
              .source = "PostgreSQL manual, queries-union; sqlfluff AM02",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .lone = union_without_all,
     .nodes = "SelectStmt"},
    {.card = {.id = "group-by-vs-distinct",
              .title = "DISTINCT together with GROUP BY",
              .why = "The rows are compared twice, and a reader cannot tell which was meant.",
              .how = "One of them.",
              .source = "sqlfluff AM01",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = group_by_vs_distinct,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "distinct-with-join",
              .title = "DISTINCT over rows that a join repeats",
              .why = "The repeated rows are made first and removed after, which grows with the "
                     "joined table.",
              .how = "EXISTS.",
              .source = "sqlcheck: distinct and join",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = distinct_with_join,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "select-into-table",
              .title = "SELECT INTO that makes a table",
              .why = "The same words fill a variable in PL/pgSQL.",
              .how = "CREATE TABLE AS.",
              .source = "PostgreSQL manual, sql-selectinto",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .lone = select_into_table,
     .nodes = "SelectStmt"},
};

} // namespace

const std::span<const TextRule> query_rules{kQueryRules};

} // namespace pgkeep::lint
