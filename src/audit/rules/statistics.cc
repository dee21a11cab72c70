// Statistics: whether the planner knows what is in the tables.

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <vector>

#include "audit/families.h"
#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {
namespace {

using catalog::Column;
using catalog::OidNumber;
using catalog::Relation;

constexpr double kModifiedShare = 0.10; // autovacuum_analyze_scale_factor's default; pganalyze.
constexpr std::int64_t kModifiedRows = 10'000;
constexpr double kContradiction = 10;
constexpr std::size_t kNamesShown = 5;

Fix analyze(std::string sql) {
  return {.safety = Safety::online, .phase = Phase::maintenance, .sql = {std::move(sql)}};
}

void stale_statistics(const Snapshot& db, const Limits& limits, Sink& out) {
  const double age_max = seconds_of(limits.statistics_age);
  for (const Relation& relation : db.relations) {
    if (relation.kind != "r" && relation.kind != "m") continue;
    const std::int64_t modified = relation.modified_since_analyze;
    const double live = static_cast<double>(std::max<std::int64_t>(0, relation.live_rows));
    if (modified <= kModifiedRows || static_cast<double>(modified) <= kModifiedShare * live)
      continue;
    // Never analysed as far as the counters reach: it is at least as old as they are.
    const double age =
        relation.analyzed > 0 ? db.server.now - relation.analyzed : db.counters_age_s();
    if (age < age_max) continue;
    out.add({.object = catalog::qualified_name(relation),
             .message = fmt::format("{} of {} rows changed since the statistics were made {}",
                                    human_count(modified), human_count(relation.live_rows),
                                    relation.analyzed > 0 ? human_seconds(age) + " ago"
                                                          : "before the counters began"),
             .evidence = Json{{"modified_since_analyze", modified},
                              {"live_rows", relation.live_rows},
                              {"analyzed", relation.analyzed},
                              {"age_s", static_cast<std::int64_t>(age)}},
             .fix = analyze("ANALYZE " + catalog::qualified_name(relation))});
  }
}

/// Whether pg_stats shows this table's rows to the auditor: it hides columns that one may not read,
/// and tables with row security in force. Source: PostgreSQL manual, view-pg-stats.
bool may_see_statistics(const Snapshot& db, const Relation& relation) {
  const std::string& user = db.server.user;
  if (db.server.is_superuser) return true;
  const bool is_owner = db.is_member(user, relation.owner);
  if (relation.row_security) {
    const catalog::Role* const role = db.role(user);
    const bool bypasses = role != nullptr && role->bypass_rls;
    if (!bypasses && (!is_owner || relation.force_row_security)) return false;
  }
  return is_owner || relation.public_select || db.is_member(user, "pg_read_all_data") ||
         std::ranges::any_of(relation.readers,
                             [&](const std::string& reader) { return db.is_member(user, reader); });
}

/// Rows that are there as far as anybody counted.
double rows_known(const Relation& relation) {
  return std::max(relation.rows, static_cast<double>(relation.live_rows));
}

void judge_columns(const Snapshot& db, const Relation& relation, Sink& out) {
  std::vector<std::string> missing;
  std::int64_t columns = 0;
  for (const Column& column : db.columns_of(relation)) {
    if (column.generated == "v") continue; // Virtual: nothing is stored, so nothing is sampled.
    ++columns;
    if (!column.has_stats) missing.push_back(postgres::quote_identifier(column.name));
  }
  if (missing.empty()) return;
  const bool has_none = static_cast<std::int64_t>(missing.size()) == columns;
  const std::string rows = human_count(static_cast<std::int64_t>(rows_known(relation)));
  const std::string name = catalog::qualified_name(relation);
  out.add({.severity = has_none ? Severity::warning : Severity::info,
           .object = name,
           .message = has_none ? fmt::format("{} rows and no statistics on any of {} columns", rows,
                                             columns)
                               : fmt::format("{} rows and no statistics on {}", rows,
                                             base::join(missing, ", ")),
           .evidence = Json{{"rows", static_cast<std::int64_t>(relation.rows)},
                            {"live_rows", relation.live_rows},
                            {"columns_without_statistics", Json::list(missing)}},
           .fix = analyze("ANALYZE " + name)});
}

void without_statistics(const Snapshot& db, const Limits& limits, Sink& out) {
  const double rows_min = static_cast<double>(limits.small_table_rows);
  std::vector<std::string> hidden;
  std::unordered_map<OidNumber, double> rows_of_parent;
  for (const Relation& relation : db.relations) {
    if (relation.parent != 0 && relation.kind == "r")
      rows_of_parent[relation.parent] += std::max(0.0, rows_known(relation));
  }
  for (const Relation& relation : db.relations) {
    const bool is_root = relation.kind == "p" && !relation.is_partition;
    if (relation.kind != "r" && relation.kind != "m" && !is_root) continue;
    const auto children = rows_of_parent.find(relation.oid);
    const double rows =
        is_root ? (children == rows_of_parent.end() ? 0 : children->second) : rows_known(relation);
    if (rows < rows_min) continue;
    if (!may_see_statistics(db, relation)) {
      hidden.push_back(catalog::qualified_name(relation));
      continue;
    }
    if (!is_root) {
      judge_columns(db, relation, out);
      continue;
    }
    // Autovacuum never analyses a partitioned table itself (PostgreSQL manual, routine-vacuuming:
    // Updating Planner Statistics).
    const auto columns = db.columns_of(relation);
    if (columns.empty() ||
        std::ranges::any_of(columns, [](const Column& column) { return column.has_stats; }))
      continue;
    const std::string name = catalog::qualified_name(relation);
    out.add({.severity = Severity::info,
             .object = name,
             .message = fmt::format(
                 "no statistics over all partitions, which hold {} rows; autovacuum makes none",
                 human_count(static_cast<std::int64_t>(rows))),
             .evidence = Json{{"rows_of_partitions", static_cast<std::int64_t>(rows)}},
             .fix = analyze("ANALYZE " + name)});
  }
  if (hidden.empty()) return;
  const std::size_t count = hidden.size();
  hidden.resize(std::min(count, kNamesShown));
  out.skip(fmt::format("role {} may not read the statistics of {} tables: {}{}", db.server.user,
                       count, base::join(hidden, ", "), count > kNamesShown ? ", ..." : ""));
}

/// Distinct values as the planner believes; nullopt without statistics.
std::optional<double> distinct_of(const Column* column, double rows) {
  if (column == nullptr || !column->has_stats || column->distinct == 0) return std::nullopt;
  return column->distinct < 0 ? -column->distinct * rows : column->distinct;
}

/// A unique index of several columns proves that they have at least as many combinations as the
/// table has rows. Where the estimates, multiplied, give far fewer, at least one is far too low: no
/// sample of the rows is needed to know.
void skewed_target(const Snapshot& db, const Limits& limits, Sink& out) {
  for (const catalog::Index& index : db.indexes) {
    const auto keys = static_cast<std::size_t>(std::max(0, index.key_count));
    if (!index.is_unique || !index.is_valid || keys < 2 || keys > index.columns.size() ||
        !index.predicate.empty())
      continue;
    const Relation* const relation = db.relation(index.relation);
    if (relation == nullptr || relation->kind != "r" ||
        relation->rows < static_cast<double>(limits.small_table_rows))
      continue;
    double combinations = 1;
    double most = 0;
    double nulls = 0;
    const Column* widest = nullptr;
    bool is_known = true;
    for (std::size_t key = 0; key < keys && is_known; ++key) {
      const Column* const column = db.column(index.relation, index.columns[key]);
      const std::optional<double> distinct = distinct_of(column, relation->rows);
      is_known = distinct.has_value();
      if (!is_known) break;
      combinations *= *distinct;
      nulls = std::max(nulls, column->null_fraction); // Rows with a null may repeat.
      if (*distinct > most) {
        most = *distinct;
        widest = column;
      }
    }
    const double rows = relation->rows * (1 - nulls);
    if (!is_known || widest == nullptr || combinations * kContradiction >= rows) continue;
    const std::string name = catalog::qualified_name(*relation);
    const std::string column = postgres::quote_identifier(widest->name);
    out.add({.object = catalog::column_object(*relation, *widest),
             .message = fmt::format(
                 "the planner believes in {} distinct values, yet {} is unique over {} rows, which "
                 "needs at least {}",
                 human_count(static_cast<std::int64_t>(most)), catalog::qualified_name(index),
                 human_count(static_cast<std::int64_t>(rows)),
                 human_count(static_cast<std::int64_t>(rows / combinations * most))),
             .evidence = Json{{"index", catalog::qualified_name(index)},
                              {"rows", static_cast<std::int64_t>(rows)},
                              {"combinations_believed", static_cast<std::int64_t>(combinations)},
                              {"distinct_believed", static_cast<std::int64_t>(most)}},
             .fix = Fix{.safety = Safety::online,
                        .phase = Phase::maintenance,
                        .sql = {fmt::format("ALTER TABLE {} ALTER COLUMN {} RESET (n_distinct)",
                                            name, column),
                                fmt::format("ALTER TABLE {} ALTER COLUMN {} SET STATISTICS 1000",
                                            name, column),
                                "ANALYZE " + name},
                        .undo = {fmt::format("ALTER TABLE {} ALTER COLUMN {} SET STATISTICS -1",
                                             name, column)},
                        .note = "Samples ten times as many rows of the table at each ANALYZE."}});
  }
}

constexpr Rule kStatisticsRules[] = {
    {.id = "stale-statistics",
     .title = "Statistics are older than much of the data",
     .why = "The planner chooses joins and indexes for a table that no longer is what it was: "
            "queries turn slow overnight.",
     .how = "ANALYZE the table, and find out why autovacuum did not.",
     .source = "pganalyze; PostgreSQL manual, routine-vacuuming: Updating Planner Statistics",
     .severity = Severity::warning,
     .area = Area::vacuum,
     .needs = Facts::relations | Facts::table_stats,
     .judge = stale_statistics},
    {.id = "table-without-analyze-stats",
     .aliases = "table-without-statistics",
     .title = "Table was never analysed",
     .why = "Without statistics the planner guesses, usually a nested loop over far too many rows; "
            "typical after a restore or an upgrade.",
     .how = "ANALYZE the table; after a restore or pg_upgrade the whole database (vacuumdb "
            "--analyze-in-stages).",
     .source = "pgx_scripts; PostgreSQL manual, view-pg-stats; pgupgrade: Statistics",
     .severity = Severity::warning,
     .area = Area::vacuum,
     .needs = Facts::relations | Facts::columns | Facts::column_stats,
     .judge = without_statistics},
    {.id = "stats-target-skewed",
     .title = "Estimated distinct values contradict a unique index",
     .why = "Joins and groups on the column are planned for far too few groups: hash tables spill, "
            "nested loops explode.",
     .how = "Raise the column's statistics target and analyse; where that is not enough set "
            "n_distinct by hand.",
     .source = "PostgreSQL manual, planner-stats and sql-altertable: n_distinct",
     .severity = Severity::info,
     .area = Area::vacuum,
     .needs = Facts::relations | Facts::columns | Facts::column_stats | Facts::indexes,
     .judge = skewed_target},
};

} // namespace

const std::span<const Rule> statistics_rules{kStatisticsRules};

} // namespace pgkeep::audit
