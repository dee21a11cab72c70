// Patterns: LIKE, ILIKE and regular expressions, and which index could answer them.
#include <algorithm>

#include <fmt/format.h>

#include "catalog/name_words.h"
#include "lint/families.h"
#include "lint/relations.h"
#include "lint/rules/always_true.h"
#include "lint/rules/column_changes.h"
#include "lint/rules/online_steps.h"
#include "lint/rules/query_tree.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using catalog::is_one_of;
using findings::Area;
using findings::Severity;
using postgres::Node;

/// The beginning of a LIKE pattern, as far as it is written: of '%' || $1 || '%' the first part.
std::optional<std::string> pattern_start(Node pattern) {
  while (operator_of(pattern) == "||")
    pattern = pattern.node("lexpr");
  return string_constant(pattern);
}

bool is_catalog_column(const Queries& queries) {
  return std::ranges::all_of(queries.all(), [](const Query& query) {
    return query.sources.empty() || query.is_about_catalog();
  });
}

/// Some index that is no btree may serve a pattern: trigrams.
bool may_have_trigrams(const Meaning& meaning) {
  if (meaning.source == nullptr || meaning.source->table == nullptr) return false;
  return std::ranges::any_of(meaning.source->table->indexes, [](const IndexState& index) {
    return index.method == "gin" || index.method == "gist";
  });
}

/// LIKE, ILIKE and the regular expressions of a query's conditions, with the column before them.
void judge_patterns(const Subject& subject, std::initializer_list<std::string_view> operators,
                    base::FunctionRef<std::string(const Node&, std::string_view)> judge,
                    TextSink& out) {
  const Queries& queries = queries_of(subject);
  if (is_catalog_column(queries)) return;
  for (const Query& query : queries.all()) {
    if (query.is_about_catalog() || query.node.is("InsertStmt")) continue;
    walk_expression(
        query.node.node("where_clause"), postgres::kinds<"A_Expr">(), [&](const Node& node) {
          const postgres::NodeList names = node.nodes_if("A_Expr", "name");
          const std::string_view name = names.empty() ? "" : names.back().text("sval");
          const Node column = is_one_of(name, operators) ? node.node("lexpr") : Node{};
          if (!column.is("ColumnRef")) return true;
          const Meaning meaning = meaning_of(column, query);
          const std::string message =
              may_have_trigrams(meaning) ? std::string{} : judge(node.node("rexpr"), name);
          if (message.empty()) return true;
          const bool is_big = meaning && meaning.source->table != nullptr &&
                              meaning.source->table->rows >=
                                  static_cast<double>(subject.context.limits.seq_scan_rows);
          out.add(place_of(subject, node),
                  {.severity = is_big ? Severity::warning : Severity::info,
                   .object = column_object(meaning, column),
                   .message = message,
                   .evidence = Json{{"operator", name}},
                   .fix = write_instead(
                       "Anchor the pattern at its beginning, or build a trigram index: "
                       "USING gin (column gin_trgm_ops)")});
          return true;
        });
  }
}

void leading_wildcard(const Subject& subject, TextSink& out) {
  judge_patterns(
      subject, {"~~", "~~*"},
      [](const Node& pattern, std::string_view name) -> std::string {
        const auto start = pattern_start(pattern);
        const bool is_open = start && (start->starts_with('%') || start->starts_with('_'));
        if (is_open) return "a pattern that begins with a wildcard reads every row";
        if (name == "~~*") return "ILIKE reads every row: a plain index cannot fold case";
        return {};
      },
      out);
}

void regex_scan(const Subject& subject, TextSink& out) {
  judge_patterns(
      subject, {"~", "~*"},
      [](const Node& pattern, std::string_view name) -> std::string {
        const auto start = string_constant(pattern);
        const bool is_anchored =
            start && start->size() > 1 && start->front() == '^' &&
            std::string_view(".*[(\\").find((*start)[1]) == std::string_view::npos;
        if (is_anchored && name == "~") return {};
        return "a regular expression that is not anchored to plain text reads every row";
      },
      out);
}

/// 'x%' and $1 || '%': all that begins with something.
bool is_prefix_pattern(const Node& pattern) {
  if (operator_of(pattern) == "||") {
    Node first = pattern;
    while (operator_of(first) == "||")
      first = first.node("lexpr");
    return string_constant(pattern.node("rexpr")) == "%" &&
           (first.is("ParamRef") || string_constant(first).has_value());
  }
  const auto text = string_constant(pattern);
  return text && text->ends_with('%') && text->find_first_of("%_") > 0;
}

constexpr catalog::OidNumber kDefaultCollation = 100;
/// C, POSIX, ucs_basic, pg_c_utf8: they sort as LIKE compares, by bytes or code points.
constexpr catalog::OidNumber kPlainCollations[] = {950, 951, 962, 811};

/// Whether the database sorts by bytes; where it may, the benefit of the doubt.
bool may_sort_by_bytes(const catalog::Snapshot& db) {
  const catalog::Database* const database = db.current_database();
  if (database == nullptr || is_one_of(database->collate, {"C", "POSIX", ""})) return true;
  // Since 17 these are also names of the built-in provider, which does.
  return db.server.version >= 170'000 && is_one_of(database->collate, {"C.UTF-8", "C.utf8"});
}

/// Whether a btree index on the column, its first, can look up the beginning of a text.
bool serves_prefix(const catalog::Index& index, const catalog::Snapshot& db) {
  if (index.operator_classes.empty() || index.collations.empty()) return true;
  if (index.operator_classes.front().ends_with("pattern_ops")) return true;
  const catalog::OidNumber collation = index.collations.front();
  if (collation == kDefaultCollation) return may_sort_by_bytes(db);
  return std::ranges::find(kPlainCollations, collation) != std::end(kPlainCollations);
}

/// The valid btree indexes that begin with the column.
std::vector<const catalog::Index*> indexes_on(const catalog::Snapshot& db,
                                              const catalog::Relation& relation,
                                              std::string_view column) {
  std::vector<const catalog::Index*> found;
  const auto columns = db.columns_of(relation);
  const auto here = std::ranges::find(columns, column, &catalog::Column::name);
  if (here == columns.end()) return found;
  for (const catalog::Index& each : db.indexes) {
    const bool is_on_it = each.relation == relation.oid && each.method == "btree" &&
                          each.is_valid && !each.columns.empty() &&
                          each.columns.front() == here->number;
    if (is_on_it) found.push_back(&each);
  }
  return found;
}

void judge_prefix(const Subject& subject, const Query& query, const Node& node, TextSink& out) {
  const Node column = node.node("lexpr");
  const Meaning meaning = column.is("ColumnRef") ? meaning_of(column, query) : Meaning{};
  if (!meaning || meaning.column == nullptr || may_have_trigrams(meaning)) return;
  const TableState& table = *meaning.source->table;
  const catalog::Snapshot& db = *subject.context.database;
  const catalog::Relation* const relation = relation_in(subject.context, table.name);
  const bool is_small = table.rows < static_cast<double>(subject.context.limits.small_table_rows);
  if (relation == nullptr || is_small || !is_text_type(meaning.column->type.name)) return;
  const std::string& name = meaning.column->name;
  const bool will_have_one = std::ranges::any_of(table.indexes, [&](const IndexState& each) {
    return each.is_from_text && !each.columns.empty() && each.columns.front() == name;
  });
  const std::vector<const catalog::Index*> indexes = indexes_on(db, *relation, name);
  const bool is_served = std::ranges::any_of(
      indexes, [&](const catalog::Index* each) { return serves_prefix(*each, db); });
  if (indexes.empty() || is_served || will_have_one) return;
  const std::string sql = fmt::format("CREATE INDEX CONCURRENTLY ON {} ({} text_pattern_ops)",
                                      table.name.text(), postgres::quote_identifier(name));
  out.add(place_of(subject, node),
          {.object = column_object(meaning, column),
           .message = fmt::format("{} sorts by a language's rules, and LIKE compares character by "
                                  "character: the index is not used, and {} is read as a whole",
                                  indexes.front()->name, subject.context.with_size(table.name)),
           .evidence = Json{{"index", indexes.front()->name},
                            {"rows", static_cast<std::int64_t>(table.rows)}},
           .fix = online_steps({sql}, "In a migration without a transaction. The index that is "
                                      "there stays: it serves = and ORDER BY.")});
}

void collate_like(const Subject& subject, TextSink& out) {
  if (subject.context.database == nullptr) return;
  const Queries& queries = queries_of(subject);
  for (const Query& query : queries.all()) {
    walk_expression(query.node.is("InsertStmt") ? Node{} : query.node.node("where_clause"),
                    postgres::kinds<"A_Expr">(), [&](const Node& node) {
                      const bool is_like = node.is("A_Expr") && node.name("kind") == "AEXPR_LIKE" &&
                                           postgres::strings_of(node.nodes("name")).back() == "~~";
                      if (is_like && is_prefix_pattern(node.node("rexpr")))
                        judge_prefix(subject, query, node, out);
                      return true;
                    });
  }
}

constexpr TextRule kPatternRules[] = {
    {.card = {.id = "leading-wildcard",
              .title = "LIKE that no btree index can answer",
              .why = "Every row is read, and compared.",
              .how = "A trigram index, or full text search.",
              .source = "PostgreSQL manual, indexes-types: B-Tree; pgtrgm",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = leading_wildcard,
     .nodes = "A_Expr"},
    {.card = {.id = "regex-scan",
              .title = "Regular expression that is not anchored",
              .why = "Every row is read, and matched.",
              .how = "Anchor it with ^ and plain text, or build a trigram index.",
              .source = "PostgreSQL manual, indexes-types: B-Tree; pgtrgm",
              .severity = Severity::info,
              .area = Area::queries},
     .group = Group::query,
     .statement = regex_scan,
     .nodes = "A_Expr"},
    {.card = {.id = "collate-like",
              .title = "LIKE 'x%' on a column whose index sorts by a language",
              .why = "Every row is read although an index on the column is there.",
              .how = "A second index with text_pattern_ops, or the collation C for the column.",
              .source = "PostgreSQL manual, indexes-opclass; indexes-types: B-Tree",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = collate_like,
     .nodes = "A_Expr"},
};

} // namespace

const std::span<const TextRule> pattern_rules{kPatternRules};

} // namespace pgkeep::lint
