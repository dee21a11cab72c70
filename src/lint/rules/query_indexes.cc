// Named queries whose rows no index finds, by the server's own plans.
#include <algorithm>

#include <fmt/format.h>

#include "base/units.h"
#include "lint/families.h"
#include "lint/relations.h"
#include "lint/rules/online_steps.h"
#include "lint/rules/places.h"
#include "lint/rules/plan_scans.h"
#include "lint/rules/prepared.h"
#include "postgres/quote.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Fix;
using findings::Severity;
using postgres::Node;

/// A scan with what it stands for: partitions count as their table.
struct Missing {
  RelationName table = {};
  double rows = 0;
  FullScan scan = {};
  std::vector<std::string> columns = {}; ///< Of the index to make.
};

double rows_of(const Context& context, const RelationName& relation) {
  const TableState* const table = context.schema.find(relation);
  return table == nullptr ? 0 : std::max(table->rows, 0.0);
}

/// Columns compared by = narrow the most, in any order; behind them one range can follow.
std::vector<std::string> columns_for(const FullScan& scan) {
  std::vector<std::string> columns = scan.equated;
  for (const std::string& each : scan.ranged) {
    if (std::ranges::find(columns, each) != columns.end()) continue;
    columns.push_back(each);
    break;
  }
  return columns;
}

/// The partition key chooses partitions: an index need not have it.
void leave_out_key(const Context& context, const RelationName& parent,
                   std::vector<std::string>& columns) {
  const catalog::Relation* const relation = relation_in(context, parent);
  if (relation == nullptr) return;
  std::erase_if(columns, [&](const std::string& each) {
    return has_word(relation->partition_key, postgres::quote_identifier(each));
  });
}

/// One that begins with such a column: the files make it, or the planner preferred the order of
/// another.
bool has_index(const Context& context, const RelationName& table,
               const std::vector<std::string>& columns) {
  const TableState* const state = context.schema.find(table);
  return state != nullptr && std::ranges::any_of(state->indexes, [&](const IndexState& each) {
           return each.is_valid && !each.is_partial && !each.columns.empty() &&
                  std::ranges::find(columns, each.columns.front()) != columns.end();
         });
}

std::vector<Missing> missing_in(const Subject& subject, std::string_view plan) {
  const Context& context = subject.context;
  std::vector<Missing> found;
  for (FullScan& scan : full_scans_in(plan, context.schema)) {
    const RelationName parent = parent_of(context, scan.relation);
    const RelationName table = parent ? parent : scan.relation;
    const double rows = rows_of(context, scan.relation);
    std::vector<std::string> columns = columns_for(scan);
    if (parent) leave_out_key(context, parent, columns);
    if (columns.empty() || has_index(context, table, columns)) continue;
    const auto same = std::ranges::find_if(
        found, [&](const Missing& each) { return each.table == table && each.columns == columns; });
    if (same != found.end()) {
      if (parent) same->rows += rows;
      continue;
    }
    found.push_back(
        {.table = table, .rows = rows, .scan = std::move(scan), .columns = std::move(columns)});
  }
  return found;
}

/// Where the statement names the table.
std::size_t place_of_table(const LoneSubject& subject, const RelationName& table) {
  std::optional<std::size_t> found;
  postgres::walk(subject.statement.root, postgres::kinds<"RangeVar">(), [&](const Node& node) {
    if (!found && node.is("RangeVar") && is_same(relation_of(node), table)) found = node.offset();
    return !found;
  });
  return found.value_or(subject.statement.begin);
}

Fix fix_of(const Context& context, const Missing& missing) {
  std::string sql = fmt::format("CREATE INDEX CONCURRENTLY ON {} ({})", missing.table.text(),
                                quoted_list(missing.columns));
  const TableState* const table = context.schema.find(missing.table);
  if (table != nullptr && table->is_partitioned)
    return by_hand("A partitioned table takes no CONCURRENTLY. CREATE INDEX .. ON ONLY it, which "
                   "builds nothing; CREATE INDEX CONCURRENTLY on each partition; then ALTER INDEX "
                   ".. ATTACH PARTITION each.");
  return online_steps({std::move(sql)}, "In a migration without a transaction. Where another query "
                                        "wants more columns behind these, one index may do for "
                                        "both.");
}

void query_without_index(const Subject& subject, TextSink& out) {
  if (subject.context.section.query.empty()) return;
  const postgres::QueryCheck* const check = check_of(subject);
  if (check == nullptr) {
    if (!subject.context.prepare) out.skip("no database was given to plan the named queries");
    return;
  }
  const std::string& query = subject.context.section.query;
  if (!check->refusal && !check->unasked.empty()) {
    out.skip(fmt::format("the server could not plan {}: {}", query, check->unasked));
    return;
  }
  for (const Missing& each : missing_in(subject, check->plan)) {
    if (each.rows < static_cast<double>(subject.context.limits.small_table_rows)) continue;
    const std::int64_t rows = static_cast<std::int64_t>(each.rows);
    out.add(place_of_table(subject, each.table),
            {.object = query,
             .message =
                 fmt::format("the query reads all {} rows of {} to find some by {}: no "
                             "index of it serves that",
                             base::human_count(rows), each.table.text(), enumerate(each.columns)),
             .evidence = Json{{"query", query},
                              {"table", each.table.text()},
                              {"rows", rows},
                              {"filter", each.scan.filter},
                              {"equated", Json::list(each.scan.equated)},
                              {"ranged", Json::list(each.scan.ranged)}},
             .fix = fix_of(subject.context, each)});
  }
}

constexpr TextRule kQueryIndexRules[] = {
    {.card = {.id = "query-without-index",
              .title = "Named query that no index serves",
              .why = "Each call reads the whole table, and slower with every row that is added.",
              .how = "An index on the columns that it compares, those with = first.",
              .source = "PostgreSQL manual, runtime-config-query: enable_seqscan; "
                        "indexes-multicolumn; sql-prepare: Notes",
              .severity = Severity::warning,
              .area = Area::queries},
     .group = Group::query,
     .statement = query_without_index},
};

} // namespace

const std::span<const TextRule> query_index_rules{kQueryIndexRules};

} // namespace pgkeep::lint
