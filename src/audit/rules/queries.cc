// What the queries do to the server, by its counters: rates are over the age of the counters.
#include <algorithm>
#include <unordered_map>
#include <vector>

#include "audit/families.h"
#include "audit/rules/rule_tools.h"
#include "audit/rules/table_tree.h"

namespace pgkeep::audit {
namespace {

using catalog::Database;
using catalog::OidNumber;
using catalog::Relation;
using catalog::Statement;

constexpr double kHourSeconds = 3600;
constexpr double kScannedRows = 10'000; // PgHero: missing indexes.
constexpr double kIndexShare = 0.95;    // PgHero: the same.
constexpr double kScansPerMinute = 1;
constexpr double kCacheHit = 0.99; // PgHero, postgres mixin.
constexpr double kReadsPerSecond = 1000;
constexpr std::size_t kTablesNamed = 5;
constexpr double kTempBytesPerHour = static_cast<double>(base::kGiB);
constexpr double kDeadlocksPerMinute = 5; // postgres mixin.
constexpr double kRollbackShare = 0.10;   // postgres mixin.
constexpr std::int64_t kTransactions = 1000;
constexpr double kStatementMs = 20; // PgHero: slow queries.
constexpr std::int64_t kStatementCalls = 100;
constexpr double kStatementShare = 0.05;
constexpr std::size_t kStatements = 10;

/// Scans of a table, partitions added up.
struct Scans {
  const Relation* table = nullptr;
  double rows = 0;
  std::int64_t sequential = 0;
  std::int64_t rows_read = 0;
  std::int64_t by_index = 0;
};

std::vector<Scans> scans_by_table(const Snapshot& db, const TableTree& tree) {
  std::vector<Scans> all;
  std::unordered_map<OidNumber, std::size_t> places;
  for (const Relation& relation : db.relations) {
    if (relation.kind != "r" || relation.seq_scans < 0) continue;
    const Relation& root = tree.root(relation);
    const auto [place, is_new] = places.try_emplace(root.oid, all.size());
    if (is_new) all.push_back({.table = &root});
    Scans& scans = all[place->second];
    scans.rows += std::max(0.0, tree.rows(relation));
    scans.sequential += relation.seq_scans;
    scans.rows_read += std::max<std::int64_t>(0, relation.seq_rows_read);
    scans.by_index += std::max<std::int64_t>(0, relation.index_scans);
  }
  return all;
}

void missing_index(const Snapshot& db, const Limits& limits, Sink& out) {
  const TableTree tree(db);
  const double minutes = std::max(1.0, db.counters_age_s() / 60);
  for (const Scans& scans : scans_by_table(db, tree)) {
    if (scans.sequential == 0 || scans.rows < kScannedRows) continue;
    const double read =
        static_cast<double>(scans.rows_read) / static_cast<double>(scans.sequential);
    const double rate = static_cast<double>(scans.sequential) / minutes;
    const double share = static_cast<double>(scans.by_index) /
                         static_cast<double>(scans.by_index + scans.sequential);
    if (read <= static_cast<double>(limits.seq_scan_rows) || rate <= kScansPerMinute ||
        share >= kIndexShare)
      continue;
    out.add(
        {.object = catalog::qualified_name(*scans.table),
         .message = fmt::format("{} sequential scans ({:.1f} a minute) read {} rows each; indexes "
                                "serve {} of the scans",
                                human_count(scans.sequential), rate,
                                human_count(static_cast<std::int64_t>(read)), human_percent(share)),
         .evidence = Json{{"sequential_scans", scans.sequential},
                          {"rows_per_scan", read},
                          {"index_scans", scans.by_index},
                          {"rows", scans.rows},
                          {"counters_age_s", db.counters_age_s()}},
         .fix = Fix{.safety = Safety::manual,
                    .phase = Phase::index_build,
                    .note = "The counters do not say which columns the queries filter by, so "
                            "no statement can be written from them: find the statements on "
                            "this table in pg_stat_statements and EXPLAIN them."}});
  }
}

/// The tables that read most from outside the cache.
Json worst_readers(const Snapshot& db) {
  std::vector<const Relation*> tables;
  for (const Relation& relation : db.relations) {
    if (relation.heap_blocks_read > 0) tables.push_back(&relation);
  }
  const std::size_t shown = std::min(kTablesNamed, tables.size());
  std::ranges::partial_sort(tables, tables.begin() + static_cast<std::ptrdiff_t>(shown),
                            std::ranges::greater{},
                            [](const Relation* relation) { return relation->heap_blocks_read; });
  Json list(Json::Array{});
  for (std::size_t i = 0; i < shown; ++i) {
    list.push(Json{{"table", catalog::qualified_name(*tables[i])},
                   {"blocks_read", tables[i]->heap_blocks_read},
                   {"blocks_hit", tables[i]->heap_blocks_hit}});
  }
  return list;
}

void cache_hit_low(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const Database* const now = db.current_database();
  if (now == nullptr) return out.skip("the database is not in the list of databases");
  const auto all = static_cast<double>(now->blocks_hit + now->blocks_read);
  const double per_second =
      static_cast<double>(now->blocks_read) / std::max(1.0, db.counters_age_s());
  if (all <= 0 || static_cast<double>(now->blocks_hit) / all >= kCacheHit ||
      per_second <= kReadsPerSecond)
    return;
  const double share = static_cast<double>(now->blocks_hit) / all;
  out.add(
      {.object = "database " + now->name,
       .message = fmt::format("{} of block reads are found in shared_buffers; {:.0f} blocks a "
                              "second come from outside",
                              human_percent(share), per_second),
       .evidence = Json{{"hit_share", share},
                        {"blocks_read_per_s", per_second},
                        {"tables", worst_readers(db)}},
       .fix = Fix{.safety = Safety::manual,
                  .phase = Phase::settings,
                  .note = "More memory or fewer pages read, and which of them, no statement can "
                          "decide: look at the statements that read the named tables first. The "
                          "operating system's cache is not counted here."}});
}

void temp_files(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const Database* const now = db.current_database();
  if (now == nullptr) return out.skip("the database is not in the list of databases");
  const double per_hour =
      static_cast<double>(now->temp_bytes) / std::max(1.0, db.counters_age_s()) * kHourSeconds;
  if (per_hour <= kTempBytesPerHour) return;
  out.add(
      {.object = "database " + now->name,
       .message = fmt::format("{} of temporary files an hour, {} files in {}",
                              human_bytes(static_cast<std::int64_t>(per_hour)),
                              human_count(now->temp_files), human_seconds(db.counters_age_s())),
       .evidence = Json{{"temp_bytes", now->temp_bytes},
                        {"temp_files", now->temp_files},
                        {"bytes_per_hour", per_hour}},
       .fix = Fix{.safety = Safety::manual,
                  .phase = Phase::settings,
                  .note = "Which statements spill is not in the counters: set log_temp_files, or "
                          "look at temp_blks_written in pg_stat_statements; then an index, less "
                          "rows, or more work_mem for that role."}});
}

void deadlocks(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const Database* const now = db.current_database();
  if (now == nullptr) return out.skip("the database is not in the list of databases");
  if (now->deadlocks <= 0) return;
  const double per_minute =
      static_cast<double>(now->deadlocks) / std::max(1.0, db.counters_age_s() / 60);
  out.add(
      {.severity = per_minute > kDeadlocksPerMinute ? Severity::warning : Severity::info,
       .object = "database " + now->name,
       .message = fmt::format("{} deadlocks in {}", human_count(now->deadlocks),
                              human_seconds(db.counters_age_s())),
       .evidence = Json{{"deadlocks", now->deadlocks}, {"per_minute", per_minute}},
       .fix = Fix{.safety = Safety::manual,
                  .phase = Phase::settings,
                  .note = "The order in which transactions lock rows is in the application: the "
                          "server's log names both statements of each deadlock; let all lock in "
                          "one order, by key."}});
}

void rollbacks(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const Database* const now = db.current_database();
  if (now == nullptr) return out.skip("the database is not in the list of databases");
  const std::int64_t all = now->commits + now->rollbacks;
  const double share = all > 0 ? static_cast<double>(now->rollbacks) / static_cast<double>(all) : 0;
  if (all < kTransactions || share <= kRollbackShare) return;
  out.add(
      {.object = "database " + now->name,
       .message = fmt::format("{} of {} transactions were rolled back", human_percent(share),
                              human_count(all)),
       .evidence = Json{{"commits", now->commits}, {"rollbacks", now->rollbacks}, {"share", share}},
       .fix = Fix{.safety = Safety::manual,
                  .phase = Phase::settings,
                  .note = "Why they fail is in the server's log and the application, not in the "
                          "counters: look for the commonest ERROR lines."}});
}

void conflicts(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (!db.standby || db.standby->conflicts <= 0) return;
  const double per_hour = static_cast<double>(db.standby->conflicts) /
                          std::max(1.0, db.counters_age_s() / kHourSeconds);
  out.add({.object = "database " + db.server.database,
           .message =
               fmt::format("{} queries on this replica were cancelled by recovery, {:.1f} an hour",
                           human_count(db.standby->conflicts), per_hour),
           .evidence = Json{{"conflicts", db.standby->conflicts}, {"per_hour", per_hour}},
           .fix = Fix{.safety = Safety::manual,
                      .phase = Phase::settings,
                      .note = "Longer queries here (max_standby_streaming_delay) mean more lag, "
                              "hot_standby_feedback means more bloat on the primary: which of them "
                              "is cheaper is a decision."}});
}

bool is_slow(const Statement& statement, double total_ms) {
  return statement.calls >= kStatementCalls && statement.mean_ms >= kStatementMs && total_ms > 0 &&
         statement.total_ms / total_ms >= kStatementShare;
}

void slow_statements(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const double total_ms = db.statements_info.total_ms;
  std::vector<const Statement*> slow;
  for (const Statement& statement : db.statements) {
    if (is_slow(statement, total_ms)) slow.push_back(&statement);
  }
  std::ranges::sort(slow, std::ranges::greater{}, &Statement::total_ms);
  if (slow.size() > kStatements) slow.resize(kStatements);
  for (const Statement* const statement : slow) {
    const double share = statement->total_ms / total_ms;
    out.add({.object = "query " + statement->query_id,
             .message = fmt::format("{} of the time of all statements: {} calls of {:.1f} ms",
                                    human_percent(share), human_count(statement->calls),
                                    statement->mean_ms),
             .evidence = Json{{"query", statement->query},
                              {"user", statement->user},
                              {"calls", statement->calls},
                              {"mean_ms", statement->mean_ms},
                              {"max_ms", statement->max_ms},
                              {"share", share},
                              {"rows", statement->rows},
                              {"shared_read", statement->shared_read},
                              {"temp_written", statement->temp_written}},
             .fix = Fix{.safety = Safety::manual,
                        .phase = Phase::index_build,
                        .note = "Whether an index, another statement or fewer calls help is in its "
                                "plan: EXPLAIN (ANALYZE, BUFFERS) it with real values."}});
  }
}

constexpr Rule kQueryRules[] = {
    {.id = "missing-index",
     .aliases = "table-seq-scanned",
     .title = "Large table that is mostly read from end to end",
     .why = "Each such query reads every row, and the time grows with the table.",
     .how = "Find the statements and index what they filter by.",
     .source = "PgHero: missing indexes; pgx_scripts",
     .severity = Severity::warning,
     .area = Area::queries,
     .counts_rates = true,
     .needs = Facts::server | Facts::relations | Facts::table_stats,
     .judge = missing_index},
    {.id = "slow-statements",
     .title = "Statements that take most of the server's time",
     .why = "What makes these faster makes the whole server faster.",
     .how = "EXPLAIN each; index, rewrite or call it less often.",
     .source = "PgHero: slow queries, 20 ms and 100 calls; PostgreSQL manual, pgstatstatements",
     .severity = Severity::info,
     .area = Area::queries,
     .needs = Facts::statements,
     .judge = slow_statements},
    {.id = "cache-hit-low",
     .title = "Many blocks read from outside the cache",
     .why = "Each costs a call to the operating system or the disk.",
     .how = "Fewer pages read, or more memory.",
     .source = "PgHero; postgres mixin; PostgreSQL manual, monitoring-stats: pg_stat_database",
     .severity = Severity::info,
     .area = Area::queries,
     .counts_rates = true,
     .needs = Facts::server | Facts::databases | Facts::relations,
     .judge = cache_hit_low},
    {.id = "temp-files",
     .title = "More than 1 GB of temporary files an hour",
     .why = "Sorts and hashes that do not fit into work_mem go to disk, slowly, and can fill it.",
     .how = "Find the statements; index or rewrite them, or raise work_mem for that role.",
     .source = "PgWatch; PostgreSQL manual, monitoring-stats: pg_stat_database",
     .severity = Severity::warning,
     .area = Area::queries,
     .counts_rates = true,
     .needs = Facts::server | Facts::databases,
     .judge = temp_files},
    {.id = "deadlocks",
     .title = "Deadlocks",
     .why = "One of the transactions is always cancelled, after a second of waiting.",
     .how = "Let all transactions lock rows in the same order.",
     .source =
         "postgres mixin: more than five a minute; PostgreSQL manual, explicit-locking: Deadlocks",
     .severity = Severity::info,
     .area = Area::queries,
     .counts_rates = true,
     .needs = Facts::server | Facts::databases,
     .judge = deadlocks},
    {.id = "rollbacks",
     .title = "More than a tenth of transactions rolled back",
     .why = "Work is done and thrown away, and users see errors.",
     .how = "Find the errors in the log.",
     .source = "postgres mixin; PostgreSQL manual, monitoring-stats: pg_stat_database",
     .severity = Severity::warning,
     .area = Area::queries,
     .counts_rates = true,
     .needs = Facts::server | Facts::databases,
     .judge = rollbacks},
    {.id = "conflicts",
     .title = "Queries on the replica cancelled by recovery",
     .why = "Reports fail now and then, for no reason that their author can see.",
     .how = "Choose between lag and bloat: max_standby_streaming_delay, or hot_standby_feedback.",
     .source = "PostgreSQL manual, hot-standby: Handling Query Conflicts",
     .severity = Severity::warning,
     .area = Area::queries,
     .counts_rates = true,
     .needs = Facts::server | Facts::standby,
     .judge = conflicts},
};

} // namespace

const std::span<const Rule> query_rules{kQueryRules};

} // namespace pgkeep::audit
