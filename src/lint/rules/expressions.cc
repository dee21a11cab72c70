// Expressions that compute something else than they seem to, and WITH queries that do nothing.
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

bool is_date_only(std::string_view text) {
  return text.size() == 10 && text[4] == '-' && text[7] == '-';
}

void between_timestamps(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    for (const Node& condition : query.conditions()) {
      if (!condition.is("A_Expr") || condition.name("kind") != "AEXPR_BETWEEN") continue;
      const Node column = condition.node("lexpr");
      const postgres::NodeList ends = condition.node("rexpr").nodes_if("List", "items");
      if (!column.is("ColumnRef") || ends.size() != 2) continue;
      const Meaning meaning = meaning_of(column, query);
      const std::string name = columns_in(column).empty() ? "" : columns_in(column).front();
      const bool is_time = meaning.column != nullptr
                               ? is_one_of(meaning.column->type.name, {"timestamp", "timestamptz"})
                               : name.ends_with("_at");
      const auto last = string_constant(ends.back());
      if (!is_time || !last) continue;
      const bool is_day = is_date_only(*last);
      out.add(
          place_of(subject, condition),
          {.object = name,
           .message = is_day ? fmt::format("BETWEEN ends at midnight before {}: the last day is "
                                           "left out but for its first instant",
                                           *last)
                             : "BETWEEN takes its end in: what happens within the last second, "
                               "or at the next range's first instant, is lost or counted twice",
           .evidence = Json{{"end", *last}},
           .fix = write_instead(fmt::format("Write {} >= start AND {} < the first instant after "
                                            "the range",
                                            name, name))});
    }
  }
}

bool is_count(const Node& node) {
  return node.is("FuncCall") && (node.flag("agg_star") || function_name(node) == "count");
}

/// An expression of whole numbers as far as the text tells.
bool is_whole(const Node& node) {
  if (integer_constant(node) || is_count(node)) return true;
  return is_one_of(operator_of(node), {"+", "-", "*"}) && is_whole(node.node("lexpr")) &&
         is_whole(node.node("rexpr"));
}

bool has_count(const Node& node) {
  bool found = false;
  walk_expression(node, postgres::kinds<"FuncCall">(), [&](const Node& each) {
    found = found || is_count(each);
    return !found;
  });
  return found;
}

void integer_division(const LoneSubject& subject, TextSink& out) {
  postgres::walk(subject.statement.root, postgres::kinds<"A_Expr">(), [&](const Node& node) {
    if (operator_of(node) != "/") return true;
    const Node left = node.node("lexpr");
    const Node right = node.node("rexpr");
    if (!is_whole(left) || !is_whole(right)) return true;
    const auto a = integer_constant(left);
    const auto b = integer_constant(right);
    const bool loses = a && b ? *b != 0 && *a % *b != 0 : has_count(left) && has_count(right);
    if (!loses) return true;
    out.add(place_of(subject, node),
            {.message = "both sides are whole numbers, so the fraction is cut off: a share of less "
                        "than one is 0",
             .evidence = Json{{"operator", "/"}},
             .fix = write_instead("Write ::numeric after one side, and nullif(..., 0) around what "
                                  "may be zero")});
    return true;
  });
}

void timezone_literal(const LoneSubject& subject, TextSink& out) {
  postgres::walk(subject.statement.root, postgres::kinds<"FuncCall">(), [&](const Node& node) {
    const std::vector<Node> arguments =
        function_name(node) == "timezone" ? node.nodes("args") : std::vector<Node>{};
    const auto zone = arguments.size() == 2 ? string_constant(arguments.front()) : std::nullopt;
    if (!zone) return true;
    const bool is_offset = zone->find_first_of("+-") != std::string::npos &&
                           zone->find_first_of("0123456789") != std::string::npos &&
                           zone->find('/') == std::string::npos;
    const bool is_fixed = is_one_of(*zone, {"EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT",
                                            "CET", "CEST", "BST", "IST", "EET", "EEST", "WET"});
    if (!is_offset && !is_fixed) return true;
    out.add(place_of(subject, arguments.front()),
            {.message = is_offset
                            ? fmt::format("'{}' is read the POSIX way, in which + is west of "
                                          "Greenwich, and knows no summer time",
                                          *zone)
                            : fmt::format("'{}' is a fixed offset or an old rule, not the clock "
                                          "of a place",
                                          *zone),
             .evidence = Json{{"zone", *zone}},
             .fix = write_instead("Write the name of the place: 'Europe/Berlin'")});
    return true;
  });
}

/// 01/02/2024, 1-2-2024: which is the month is the setting DateStyle's choice.
bool is_ambiguous_date(std::string_view text) {
  constexpr std::size_t kBytesMin = 8; // 1.2.2024
  constexpr std::size_t kBytesMax = 10;
  if (text.size() < kBytesMin || text.size() > kBytesMax) return false;
  std::vector<std::string> parts(1);
  char separator = 0;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      parts.back().push_back(c);
    } else if (is_one_of(std::string_view(&c, 1), {"/", "-", "."}) &&
               (separator == 0 || separator == c)) {
      separator = c;
      parts.emplace_back();
    } else {
      return false;
    }
  }
  const auto is_short = [](const std::string& part) {
    return part.size() == 1 || part.size() == 2;
  };
  return parts.size() == 3 && is_short(parts[0]) && is_short(parts[1]) && parts[2].size() == 4 &&
         (parts[2].starts_with("19") || parts[2].starts_with("20"));
}

void date_string_ambiguous(const LoneSubject& subject, TextSink& out) {
  postgres::walk(
      subject.statement.root, postgres::kinds<"FuncCall A_Const">(), [&](const Node& node) {
        // These are told the format.
        if (is_one_of(function_name(node), {"to_date", "to_timestamp"})) return false;
        const auto text = node.is("A_Const") ? string_view_constant(node) : std::nullopt;
        if (!text || !is_ambiguous_date(*text)) return true;
        out.add(place_of(subject, node),
                {.message =
                     fmt::format("which of the first two numbers of '{}' is the month depends on "
                                 "the setting DateStyle",
                                 *text),
                 .evidence = Json{{"text", *text}},
                 .fix = write_instead("Write the date as year-month-day: '2024-02-01'")});
        return true;
      });
}

void self_assignment(const LoneSubject& subject, TextSink& out) {
  const Node& root = subject.statement.root;
  for (const Node& target : root.nodes_if("UpdateStmt", "target_list")) {
    const std::vector<std::string> names = column_names(target.node("val"));
    const std::string table = relation_of(root.node("relation")).name;
    const bool is_own = names.size() == 1 || (names.size() == 2 && names.front() == table);
    if (names.empty() || !is_own || names.back() != target.text("name")) continue;
    out.add(place_of(subject, target),
            {.object = object_of(relation_of(root.node("relation")), names.back()),
             .message = fmt::format("SET {} = {} writes every row anew and changes nothing",
                                    names.back(), names.back()),
             .evidence = Json{{"column", names.back()}},
             .fix = write_instead("Leave it out, or write the value that was meant")});
  }
}

void count_for_exists(const LoneSubject& subject, TextSink& out) {
  postgres::walk(subject.statement.root, postgres::kinds<"A_Expr">(), [&](const Node& node) {
    const std::string_view name = operator_of(node);
    const Node link = node.is("A_Expr") ? node.node("lexpr") : Node{};
    if (!link.is("SubLink") || link.name("sub_link_type") != "EXPR_SUBLINK") return true;
    const auto number = integer_constant(node.node("rexpr"));
    const bool asks = number && ((*number == 0 && is_one_of(name, {">", "=", "<>"})) ||
                                 (*number == 1 && is_one_of(name, {">=", "<"})));
    const postgres::NodeList targets = link.node("subselect").nodes_if("SelectStmt", "target_list");
    if (!asks || targets.size() != 1 || !is_count(targets.front().node("val")) ||
        !link.node("subselect").nodes("group_clause").empty())
      return true;
    out.add(place_of(subject, link),
            {.message = "all rows are counted to learn whether there is one",
             .evidence = Json{{"operator", name}, {"number", *number}},
             .fix = write_instead("Write EXISTS (SELECT FROM ...) or NOT EXISTS")});
    return true;
  });
}

void unused_with(const LoneSubject& subject, TextSink& out) {
  postgres::walk(subject.statement.root, postgres::kinds<"WithClause">(), [&](const Node& node) {
    if (!node.is("WithClause")) return true;
    for (const Node& each : node.nodes("ctes")) {
      // What changes rows runs whether it is read or not.
      if (!each.node("ctequery").is("SelectStmt")) continue;
      int uses = 0;
      postgres::walk(subject.statement.root, postgres::kinds<"RangeVar">(), [&](const Node& other) {
        if (other.is("RangeVar") && other.text("schemaname").empty() &&
            other.text("relname") == each.text("ctename"))
          ++uses;
        return true;
      });
      if (uses > 0) continue;
      out.add(place_of(subject, each),
              {.object = std::string(each.text("ctename")),
               .message = "no part of the statement reads this query of WITH: it is not even run",
               .evidence = Json{{"name", std::string(each.text("ctename"))}},
               .fix = write_instead("Leave it out")});
    }
    return true;
  });
}

/// Something in the recursive branch that may stop it: a limit on depth, or the path so far.
bool may_stop(const Node& branch) {
  bool stops = false;
  postgres::walk(
      branch.node("where_clause"), postgres::kinds<"A_Expr BoolExpr">(), [&](const Node& node) {
        stops =
            stops || is_one_of(operator_of(node), {"<", "<=", ">", ">="}) ||
            (node.is("A_Expr") && is_one_of(node.name("kind"), {"AEXPR_OP_ANY", "AEXPR_OP_ALL"})) ||
            node.is("BoolExpr");
        return !stops;
      });
  return stops;
}

void recursive_without_limit(const LoneSubject& subject, TextSink& out) {
  postgres::walk(subject.statement.root, postgres::kinds<"SelectStmt">(), [&](const Node& node) {
    if (!node.is("SelectStmt") || !node.node("with_clause")) return true;
    const Node with = node.node("with_clause");
    if (!with.flag("recursive") || node.node("limit_count")) return true;
    for (const Node& each : with.nodes("ctes")) {
      const Node query = each.node("ctequery");
      const bool repeats = query.is("SelectStmt") && query.flag("all") && query.node("rarg");
      if (!repeats || each.node("cycle_clause") || may_stop(query.node("rarg"))) continue;
      bool names_itself = false;
      postgres::walk(query.node("rarg"), postgres::kinds<"RangeVar">(), [&](const Node& other) {
        names_itself =
            names_itself || (other.is("RangeVar") && other.text("relname") == each.text("ctename"));
        return true;
      });
      if (!names_itself) continue;
      out.add(place_of(subject, each),
              {.object = std::string(each.text("ctename")),
               .message = "UNION ALL without a stop: one cycle in the data and it runs until the "
                          "disk is full",
               .evidence = Json{{"name", std::string(each.text("ctename"))}},
               .fix = write_instead("Write CYCLE ... SET ... USING ..., a limit on the depth, or "
                                    "UNION in place of UNION ALL")});
    }
    return true;
  });
}

void multi_valued(const LoneSubject& subject, TextSink& out) {
  postgres::walk(subject.statement.root, postgres::kinds<"A_Expr">(), [&](const Node& node) {
    if (!node.is("A_Expr") || !is_one_of(node.name("kind"), {"AEXPR_LIKE", "AEXPR_ILIKE"}))
      return true;
    const auto pattern = string_view_constant(node.node("rexpr"));
    const bool is_list = pattern && (pattern->starts_with("%,") || pattern->ends_with(",%"));
    if (!is_list) return true;
    out.add(place_of(subject, node),
            {.message = "a list in one text is searched by its commas: every row is read, and "
                        "nothing checks what stands in it",
             .evidence = Json{{"pattern_bytes", static_cast<std::int64_t>(pattern->size())}},
             .fix = write_instead("Write a table with one row a value")});
    return true;
  });
}

void jsonb_as_schema(const Subject& subject, TextSink& out) {
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    for (const Node& condition : query.conditions()) {
      const Node path = operator_of(condition) == "=" ? condition.node("lexpr") : Node{};
      if (operator_of(path) != "->>" || !path.node("lexpr").is("ColumnRef")) continue;
      const auto key = string_constant(path.node("rexpr"));
      if (!key) continue;
      const std::string column = columns_in(path.node("lexpr")).front();
      out.add(place_of(subject, path),
              {.object = column,
               .message = fmt::format("rows are chosen by the key {} of {}: it has no type, no "
                                      "statistics and no constraint",
                                      *key, column),
               .evidence = Json{{"key", *key}, {"column", column}},
               .fix = write_instead("Write a column for it (or a generated one) with an index; @> "
                                    "with a GIN index serves keys that vary")});
    }
  }
}

constexpr std::string_view kTime = "PostgreSQL manual, datatype-datetime";

constexpr TextRule kExpressionRules[] = {
    {.card = {.id = "between-timestamps",
              .title = "BETWEEN on moments",
              .why = "Its end belongs to the range: the last day is missing, or an instant counts "
                     "twice.",
              .how = ">= start AND < end.",
              .source = "PostgreSQL wiki, Don't Do This: BETWEEN with timestamps",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = between_timestamps,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
    {.card = {.id = "integer-division",
              .title = "Share of whole numbers",
              .why = "Division of integers cuts: a rate shows 0 until it is 1.",
              .how = "Cast one side to numeric.",
              .source = "PostgreSQL manual, functions-math",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .lone = integer_division,
     .nodes = "A_Expr"},
    {.card = {.id = "timezone-literal",
              .title = "Zone given as an offset or abbreviation",
              .why =
                  "The sign is turned round and summer time is missed: results are off by hours.",
              .how = "The name of a place.",
              .source = "PostgreSQL manual, datatype-datetime: Time Zones",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .lone = timezone_literal,
     .nodes = "FuncCall"},
    {.card = {.id = "date-string-ambiguous",
              .title = "Date of which the month is a guess",
              .why = "A server or session with another DateStyle reads another day.",
              .how = "Year-month-day.",
              .source = kTime,
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .lone = date_string_ambiguous,
     .nodes = "A_Const"},
    {.card = {.id = "self-assignment",
              .title = "Column set to itself",
              .why = "Every row is written anew, with its locks and WAL, and nothing changes.",
              .how = "Leave it out.",
              .source = "PostgreSQL manual, sql-update",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .lone = self_assignment,
     .nodes = "UpdateStmt"},
    {.card = {.id = "count-for-exists",
              .title = "count() to learn whether there is a row",
              .why = "All rows are read where the first would do.",
              .how = "EXISTS.",
              .source = "PostgreSQL manual, functions-subquery: EXISTS",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .lone = count_for_exists,
     .nodes = "SubLink"},
    {.card = {.id = "unused-cte",
              .title = "WITH query that nothing reads",
              .why = "A reader looks for what it does; it is not run.",
              .how = "Leave it out.",
              .source = "PostgreSQL manual, queries-with; sqlfluff ST03",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .lone = unused_with,
     .nodes = "WithClause"},
    {.card = {.id = "recursive-without-limit",
              .title = "Recursion that a cycle never ends",
              .why = "One row that points back and the query fills the disk with temporary files.",
              .how = "CYCLE, a limit on the depth, or UNION.",
              .source = "PostgreSQL manual, queries-with: Cycle Detection",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .lone = recursive_without_limit,
     .nodes = "WithClause"},
    {.card = {.id = "multi-valued",
              .title = "List of values in one text",
              .why = "Every search reads every row, and nothing checks the values.",
              .how = "A table with one row a value.",
              .source = "sqlcheck: multi-valued attribute",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .lone = multi_valued,
     .nodes = "A_Expr"},
    {.card = {.id = "jsonb-as-schema",
              .title = "Rows chosen by a key inside of JSON",
              .why = "The planner guesses how many there are, nothing checks the values, and no "
                     "plain index serves.",
              .how = "A column, perhaps generated; GIN and @> for keys that vary.",
              .source = "PostgreSQL manual, datatype-json: jsonb Indexing",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = jsonb_as_schema,
     .nodes = "SelectStmt InsertStmt UpdateStmt DeleteStmt"},
};

} // namespace

const std::span<const TextRule> expression_rules{kExpressionRules};

} // namespace pgkeep::lint
