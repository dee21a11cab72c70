// Wraparound: how far transaction ids and multixacts have run ahead of the oldest frozen row.
// Reaching autovacuum_freeze_max_age is normal work (autovacuum then freezes); the alarm is when it
// does not come, or comes too slowly.

#include <algorithm>
#include <string>
#include <vector>

#include "audit/families.h"
#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {
namespace {

using catalog::Database;
using catalog::Relation;

constexpr double kLateFactor = 1.5; // Beyond: autovacuum is losing, even if one runs.
constexpr double kIdleFactor =
    1.05; // Beyond, with no vacuum running: longer than the pause between two workers.
constexpr double kErrorFactor = 2;
constexpr double kFailsafeShare = 0.8;
constexpr std::int64_t kErrorAge = 1'000'000'000;
constexpr std::int64_t kStopAge =
    2'147'483'647 - 3'000'000; // varsup.c: three million before the end it takes no more writes.
constexpr double kRateAgeSecondsMin = 3600;
constexpr std::string_view kVacuum = "VACUUM (FREEZE, INDEX_CLEANUP off)";
constexpr std::size_t kRelationsMax = 50;
constexpr std::size_t kRelationsShown = 10;

/// The two counters differ only in names.
struct Counter {
  std::string_view what; ///< "transaction ids".
  std::string_view freeze_setting;
  std::string_view failsafe_setting;
  std::int64_t Database::* database_age;
  std::int64_t Relation::* relation_age;
  bool counts_transactions;
};
constexpr Counter kXid{.what = "transaction ids",
                       .freeze_setting = "autovacuum_freeze_max_age",
                       .failsafe_setting = "vacuum_failsafe_age",
                       .database_age = &Database::xid_age,
                       .relation_age = &Relation::xid_age,
                       .counts_transactions = true};
constexpr Counter kMultixact{.what = "multixacts",
                             .freeze_setting = "autovacuum_multixact_freeze_max_age",
                             .failsafe_setting = "vacuum_multixact_failsafe_age",
                             .database_age = &Database::mxid_age,
                             .relation_age = &Relation::mxid_age,
                             .counts_transactions = false};

bool vacuum_runs(const Snapshot& db) {
  return std::ranges::any_of(
      db.progress, [](const catalog::Progress& progress) { return progress.kind == "vacuum"; });
}

std::optional<Severity> severity_of(const Snapshot& db, const Counter& counter, std::int64_t age) {
  const double value = static_cast<double>(age);
  const double freeze = catalog::setting_number(db, counter.freeze_setting).value_or(200'000'000);
  const double failsafe =
      catalog::setting_number(db, counter.failsafe_setting).value_or(1'600'000'000);
  if (value >= kErrorFactor * freeze || value >= kFailsafeShare * failsafe || age >= kErrorAge)
    return Severity::error;
  if (value >= kLateFactor * freeze) return Severity::warning;
  if (value >= kIdleFactor * freeze && has(db.present, Facts::progress) && !vacuum_runs(db))
    return Severity::warning;
  return std::nullopt;
}

/// User relations of this database that are due, worst first.
std::vector<const Relation*> worst_relations(const Snapshot& db, const Counter& counter) {
  const double freeze = catalog::setting_number(db, counter.freeze_setting).value_or(200'000'000);
  std::vector<const Relation*> due;
  for (const Relation& relation : db.relations) {
    if ((relation.kind == "r" || relation.kind == "m") &&
        static_cast<double>(relation.*counter.relation_age) >= freeze) {
      due.push_back(&relation);
    }
  }
  std::ranges::sort(due, std::greater{},
                    [&](const Relation* relation) { return relation->*counter.relation_age; });
  if (due.size() > kRelationsMax) due.resize(kRelationsMax);
  return due;
}

Fix freeze(const Snapshot& db, const Database& database,
           const std::vector<const Relation*>& worst) {
  if (database.name != db.server.database) {
    std::string note = fmt::format(
        "VACUUM works only in the database one is connected to: connect to {} and run it there.",
        database.name);
    if (!database.allows_connections) {
      note += fmt::format(" It takes no connections: ALTER DATABASE {} ALLOW_CONNECTIONS true "
                          "first, and false after.",
                          postgres::quote_identifier(database.name));
    }
    return {.safety = Safety::manual,
            .phase = Phase::maintenance,
            .sql = {std::string(kVacuum)},
            .note = std::move(note)};
  }
  Fix fix{.safety = Safety::online,
          .phase = Phase::maintenance,
          .note = "Reads every page that is not frozen yet. It freezes nothing that an old "
                  "transaction may still see: end what "
                  "xmin-horizon-held names first. Indexes are left for a later, ordinary VACUUM."};
  for (const Relation* const relation : worst) {
    fix.sql.push_back(fmt::format("{} {}", kVacuum, catalog::qualified_name(*relation)));
  }
  // No table of the user is old: then it is the system catalogs, which only the whole database's
  // VACUUM reaches by one statement.
  if (fix.sql.empty()) fix.sql.emplace_back(kVacuum);
  return fix;
}

/// Transactions a second as an upper bound: read-only ones take no id, so the days left are at
/// least what this says.
std::optional<double> rate_of(const Snapshot& db, const Counter& counter) {
  if (!counter.counts_transactions || db.counters_age_s() < kRateAgeSecondsMin) return std::nullopt;
  std::int64_t transactions = 0;
  for (const Database& database : db.databases)
    transactions += database.commits + database.rollbacks;
  if (transactions <= 0) return std::nullopt;
  return static_cast<double>(transactions) / db.counters_age_s();
}

void judge_counter(const Snapshot& db, const Counter& counter, Sink& out) {
  for (const Database& database : db.databases) {
    const std::int64_t age = database.*counter.database_age;
    const std::optional<Severity> severity = severity_of(db, counter, age);
    if (!severity) continue;
    const bool is_here = database.name == db.server.database;
    const std::vector<const Relation*> worst = is_here && has(db.present, Facts::relations)
                                                   ? worst_relations(db, counter)
                                                   : std::vector<const Relation*>{};
    const std::int64_t left = std::max<std::int64_t>(0, kStopAge - age);
    Json evidence{
        {"age", age},
        {std::string(counter.freeze_setting), catalog::setting_text(db, counter.freeze_setting)},
        {"left", left},
        {"vacuum_runs", vacuum_runs(db)}};
    std::string rest;
    if (const std::optional<double> rate = rate_of(db, counter)) {
      const double days = static_cast<double>(left) / *rate / 86'400;
      evidence.set("transactions_per_second_at_most", *rate);
      evidence.set("days_left_at_least", static_cast<std::int64_t>(days));
      rest = fmt::format(", at least {:.0f} days at {:.0f} transactions a second", days, *rate);
    }
    Json tables;
    for (std::size_t index = 0; index < std::min(worst.size(), kRelationsShown); ++index) {
      tables.push(Json{{"table", catalog::qualified_name(*worst[index])},
                       {"age", worst[index]->*counter.relation_age}});
    }
    if (!worst.empty()) evidence.set("oldest_tables", std::move(tables));
    out.add({.severity = severity,
             .object = "database " + database.name,
             .message =
                 fmt::format("{} are {} ahead of the oldest row; {} are left before writes stop{}",
                             counter.what, human_count(age), human_count(left), rest),
             .evidence = std::move(evidence),
             .fix = freeze(db, database, worst)});
  }
}

void wraparound_xid(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  judge_counter(db, kXid, out);
}
void wraparound_mxid(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  judge_counter(db, kMultixact, out);
}

constexpr Rule kWraparoundRules[] = {
    {.id = "wraparound-xid",
     .title = "Transaction ids run ahead of freezing",
     .why = "When the ids run out the server refuses every write until old rows are frozen, which "
            "takes hours on a large database.",
     .how = "End what holds the horizon, then freeze the oldest tables first.",
     .source = "PostgreSQL manual, routine-vacuuming: Preventing Transaction ID Wraparound "
               "Failures; check_postgres; PgHero",
     .severity = Severity::warning,
     .area = Area::vacuum,
     .needs = Facts::databases | Facts::settings,
     .judge = wraparound_xid},
    {.id = "wraparound-mxid",
     .title = "Multixacts run ahead of freezing",
     .why = "When multixacts run out no row can be locked by two transactions at once: foreign "
            "keys and FOR SHARE fail everywhere.",
     .how = "End what holds the horizon, then freeze the oldest tables first; look for many "
            "transactions locking the same rows.",
     .source = "PostgreSQL manual, routine-vacuuming: Multixacts and Wraparound",
     .severity = Severity::warning,
     .area = Area::vacuum,
     .needs = Facts::databases | Facts::settings,
     .judge = wraparound_mxid},
};

} // namespace

const std::span<const Rule> wraparound_rules{kWraparoundRules};

} // namespace pgkeep::audit
