// How the tables of a query are joined, and which table a bare name really means.
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
using Sources = std::vector<const Source*>;

/// The sources that an expression names; none where one cannot be told.
std::optional<Sources> sources_in(const Query& query, const Node& expression) {
  Sources found;
  bool is_clear = true;
  postgres::walk(expression, postgres::kinds<"SubLink ColumnRef">(), [&](const Node& node) {
    if (node.is("SubLink")) is_clear = false;
    if (!node.is("ColumnRef")) return is_clear;
    const Meaning meaning = meaning_of(node, query);
    if (!meaning) is_clear = false;
    if (meaning.query == &query && std::ranges::find(found, meaning.source) == found.end())
      found.push_back(meaning.source);
    return true;
  });
  if (!is_clear) return std::nullopt;
  return found;
}

/// The sources below an item of FROM.
Sources leaves_of(const Query& query, const Node& item) {
  Sources found;
  postgres::walk(item, [&](const Node& node) {
    for (const Source& source : query.sources) {
      if (source.node != node) continue;
      found.push_back(&source);
      return false;
    }
    return true;
  });
  return found;
}

bool is_table(const Source* source) {
  return static_cast<bool>(source->relation);
}

bool touches(const Sources& some, const Sources& others) {
  return std::ranges::any_of(
      some, [&](const Source* each) { return std::ranges::find(others, each) != others.end(); });
}

std::vector<Node> from_items(const Query& query) {
  if (query.node.is("SelectStmt")) return query.node.nodes("from_clause");
  return {};
}

void implicit_cross_join(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    const std::vector<Node> items = from_items(query);
    if (items.size() < 2) continue;
    std::vector<Sources> groups;
    groups.reserve(items.size());
    for (const Node& item : items)
      groups.push_back(leaves_of(query, item));
    // What is no table may be one row, or may name the others: LATERAL, functions, WITH.
    if (!std::ranges::all_of(groups, [](const Sources& each) {
          return !each.empty() && std::ranges::all_of(each, is_table);
        }))
      continue;
    bool is_clear = true;
    for (const Node& condition : query.where()) {
      const auto named = sources_in(query, condition);
      is_clear = is_clear && named.has_value();
      if (!is_clear) break;
      const auto first =
          std::ranges::find_if(groups, [&](const Sources& each) { return touches(each, *named); });
      for (auto each = groups.begin(); first != groups.end() && each != groups.end(); ++each) {
        if (each == first || !touches(*each, *named)) continue;
        first->insert(first->end(), each->begin(), each->end());
        each->clear();
      }
      std::erase_if(groups, [](const Sources& each) { return each.empty(); });
    }
    if (!is_clear || groups.size() < 2) continue;
    const Source* const left = groups[0].front();
    const Source* const right = groups[1].front();
    out.add(place_of(subject, right->node),
            {.object = right->relation.text(),
             .message = fmt::format("nothing joins {} to {}: each row of one comes with every row "
                                    "of the other",
                                    right->alias, left->alias),
             .evidence = Json{{"left", left->alias}, {"right", right->alias}},
             .fix = write_instead("Write JOIN ... ON with the condition, or CROSS JOIN where all "
                                  "pairs are meant")});
  }
}

/// Whether the right side is computed for each row of the left, where ON true is how it is written.
bool is_lateral(const Node& item) {
  return (item.is("RangeSubselect") && item.flag("lateral")) || item.is("RangeFunction");
}

void join_without_condition(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    for (const Node& join : query.joins) {
      const Node quals = join.node("quals");
      if (!quals || is_lateral(join.node("rarg"))) continue;
      const Sources left = leaves_of(query, join.node("larg"));
      const Sources right = leaves_of(query, join.node("rarg"));
      const auto named = sources_in(query, quals);
      const bool are_tables =
          std::ranges::all_of(left, is_table) && std::ranges::all_of(right, is_table);
      if (!named || !are_tables || left.empty() || right.empty()) continue;
      if (touches(left, *named) && touches(right, *named)) continue;
      out.add(
          place_of(subject, quals),
          {.object = right.front()->relation.text(),
           .message = fmt::format("ON does not compare {} with what stands before it: each row "
                                  "comes with every other",
                                  right.front()->alias),
           .evidence = Json{{"right", right.front()->alias}},
           .fix = write_instead("Write the condition that joins the two, or CROSS JOIN where all "
                                "pairs are meant")});
    }
  }
}

void join_on_nonequal(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    for (const Node& join : query.joins) {
      if (join.name("jointype") != "JOIN_INNER" && join.name("jointype") != "JOIN_LEFT") continue;
      std::vector<Node> crossing;
      bool is_clear = true;
      for (const Node& condition : conjuncts(join.node("quals"))) {
        const auto named = sources_in(query, condition);
        is_clear = is_clear && named.has_value();
        if (named && named->size() > 1) crossing.push_back(condition);
      }
      const bool is_nonequal =
          is_clear && crossing.size() == 1 && operator_of(crossing.front()) == "<>";
      const auto where = query.node.is("SelectStmt") ? query.where() : std::span<const Node>{};
      const bool is_joined_elsewhere = std::ranges::any_of(where, [&](const Node& condition) {
        const auto named = sources_in(query, condition);
        return !named || named->size() > 1;
      });
      if (!is_nonequal || is_joined_elsewhere) continue;
      out.add(
          place_of(subject, crossing.front()),
          {.message = "joined by <> alone: nearly every pair of rows comes back",
           .evidence = Json{{"operator", "<>"}},
           .fix = write_instead("Write the equality that joins the two, or NOT EXISTS where rows "
                                "without a match are meant")});
    }
  }
}

/// Whether the condition can be true for a row of NULLs: only of plain comparisons is it known.
bool refuses_nulls(const Node& condition) {
  if (!condition.is("A_Expr")) return false;
  return is_one_of(operator_of(condition), {"=", "<>", "<", ">", "<=", ">="}) ||
         is_one_of(condition.name("kind"),
                   {"AEXPR_IN", "AEXPR_LIKE", "AEXPR_ILIKE", "AEXPR_BETWEEN", "AEXPR_OP_ANY"});
}

void left_join_then_where(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    if (query.node.is("InsertStmt")) continue;
    for (const Node& condition : query.where()) {
      if (!refuses_nulls(condition)) continue;
      for (const std::string_view side : {"lexpr", "rexpr"}) {
        const Node column = condition.node(side);
        const Meaning meaning = column.is("ColumnRef") ? meaning_of(column, query) : Meaning{};
        if (meaning.query != &query || !meaning.source->may_be_missing) continue;
        out.add(place_of(subject, column),
                {.object = meaning.source->relation ? meaning.source->relation.text()
                                                    : meaning.source->alias,
                 .message = fmt::format("rows without a match in {} have NULL here and are thrown "
                                        "away: the outer join is an inner one",
                                        meaning.source->alias),
                 .evidence = Json{{"alias", meaning.source->alias},
                                  {"column", column_names(column).back()}},
                 .fix = write_instead("Move the condition into ON, or write JOIN")});
        break;
      }
    }
  }
}

/// Whether the alias is named anywhere but in the join's own condition; true where it is not clear.
bool is_used(const Query& query, const Source& source, const Node& quals) {
  bool is_used = false;
  const auto look = [&](const Node& node) {
    if (node == quals) return false;
    if (!node.is("ColumnRef")) return !is_used;
    const std::vector<std::string> names = column_names(node);
    // A bare name or a star may be anybody's.
    is_used = is_used || names.size() < 2 || names[names.size() - 2] == source.alias;
    return false;
  };
  postgres::walk(query.node, look);
  return is_used;
}

void unused_join(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    if (!query.node.is("SelectStmt")) continue;
    for (const Source& source : query.sources) {
      if (!source.join || source.table == nullptr) continue;
      const Node join = query.joins[*source.join];
      const bool is_left = join.name("jointype") == "JOIN_LEFT" && join.node("rarg") == source.node;
      if (!is_left || is_used(query, source, join.node("quals")) ||
          !is_key(*source.table, equated_columns(query, source)))
        continue;
      out.add(place_of(subject, source.node),
              {.object = source.relation.text(),
               .message =
                   fmt::format("{} is joined by its key and nothing of it is used", source.alias),
               .evidence = Json{{"alias", source.alias}},
               .fix = write_instead("Leave the join out")});
    }
  }
}

/// The table outside that a bare name of this query means, although it stands inside.
Meaning captured(const Query& query, const Node& column) {
  if (column_names(column).size() != 1 || query.sources.empty()) return {};
  const std::string name = column_names(column).front();
  const bool is_own = std::ranges::any_of(query.sources, [&](const Source& source) {
    return !source.is_known() || source.table->column(name) != nullptr || source.alias == name;
  });
  if (is_own || is_one_of(name, {"ctid", "xmin", "tableoid"})) return {};
  const Meaning meaning = meaning_of(column, query);
  return meaning.query != &query && meaning.column != nullptr ? meaning : Meaning{};
}

void ambiguous_correlation(const Subject& subject, TextSink& out) {
  if (subject.statement.origin != Origin::text) return;
  const Queries& queries = queries_of(subject);
  const bool changes_rows =
      subject.statement.root.is("DeleteStmt") || subject.statement.root.is("UpdateStmt");
  for (const Query& query : queries.all()) {
    if (query.place != Place::condition && query.place != Place::exists) continue;
    walk_own(query, postgres::kinds<"ColumnRef">(), [&](const Node& node) {
      const Meaning meaning = node.is("ColumnRef") ? captured(query, node) : Meaning{};
      if (!meaning) return true;
      const std::string name = column_names(node).front();
      const std::string inner = query.sources.front().relation.text();
      const std::string outer = meaning.source->relation.text();
      out.add(place_of(subject, node),
              {.severity = changes_rows ? Severity::error : Severity::warning,
               .object = object_of(query.sources.front().relation, name),
               .message = fmt::format("{} has no column {}: the one of {} outside is meant, so the "
                                      "condition holds for every row or for none",
                                      inner, name, outer),
               .evidence = Json{{"column", name}, {"inside", inner}, {"outside", outer}},
               .fix = write_instead(fmt::format("Write the column of {} that is meant, with its "
                                                "table's alias before it",
                                                inner))});
      return true;
    });
  }
}

void unqualified_reference(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    if (!query.node.is("SelectStmt") || query.sources.size() < 2) continue;
    for (const Node& target : query.node.nodes("target_list")) {
      walk_expression(target, postgres::kinds<"ColumnRef">(), [&](const Node& node) {
        if (column_names(node).size() != 1) return true;
        const std::string name = column_names(node).front();
        out.add(place_of(subject, node),
                {.object = name,
                 .message = fmt::format("{} does not say of which of {} tables it is", name,
                                        query.sources.size()),
                 .evidence = Json{{"tables", static_cast<std::int64_t>(query.sources.size())}},
                 .fix = write_instead("Write the alias of its table before it")});
        return true;
      });
    }
  }
}

constexpr std::string_view kFrom = "PostgreSQL manual, queries-table-expressions";

constexpr TextRule kJoinRules[] = {
    {.card = {.id = "implicit-cross-join",
              .title = "Tables in FROM that nothing joins",
              .why = "The result has as many rows as the tables' sizes multiplied.",
              .how = "JOIN with a condition, or CROSS JOIN where it is meant.",
              .source = "sqlfluff AM08; sqlcheck",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = implicit_cross_join,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "join-without-condition",
              .title = "JOIN whose condition does not join",
              .why = "Every row comes with every other.",
              .how = "Compare columns of both sides in ON.",
              .source = kFrom,
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = join_without_condition,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "join-on-nonequal",
              .title = "JOIN by <> alone",
              .why = "Nearly every pair of rows comes back.",
              .how = "The equality that is meant, or NOT EXISTS.",
              .source = kFrom,
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = join_on_nonequal,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "left-join-then-where",
              .title = "WHERE on the outer side of a LEFT JOIN",
              .why = "The rows that LEFT keeps are thrown away again: the report misses them.",
              .how = "Move the condition into ON, or write JOIN.",
              .source = "PostgreSQL manual, queries-table-expressions: Joined Tables",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = left_join_then_where,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "unused-join",
              .title = "LEFT JOIN of which nothing is used",
              .why = "A reader looks for what it does; it does nothing.",
              .how = "Leave it out.",
              .source = "sqlfluff ST11",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = unused_join,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "ambiguous-correlation",
              .title = "Column of a sub-select that is the outer table's",
              .why = "DELETE ... WHERE id IN (SELECT typo FROM t) deletes every row: the name is "
                     "found outside.",
              .how = "An alias before every column of a sub-select.",
              .source = "PostgreSQL manual, functions-subquery",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = ambiguous_correlation,
     .nodes = "SubLink"},
    {.card = {.id = "unqualified-reference",
              .title = "Column without its table in a join",
              .why = "A column of that name in the other table makes the query fail.",
              .how = "The alias before it.",
              .source = "sqlfluff RF02",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::taste,
     .statement = unqualified_reference,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
};

} // namespace

const std::span<const TextRule> join_rules{kJoinRules};

} // namespace pgkeep::lint
