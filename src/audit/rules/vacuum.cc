// Vacuum: what keeps dead rows from being removed in time. The threshold at which autovacuum wakes
// up for a table is the server's own formula (PostgreSQL manual, routine-vacuuming: The Autovacuum
// Daemon), with the table's storage parameters over the settings.

#include <algorithm>
#include <string>
#include <unordered_set>
#include <vector>

#include "audit/families.h"
#include "audit/rules/rule_tools.h"
#include "audit/rules/storage_options.h"

namespace pgkeep::audit {
namespace {

using catalog::OidNumber;
using catalog::Progress;
using catalog::Relation;
using catalog::Session;

constexpr double kDeadShare = 0.20;
constexpr double kBigTableFactor = 0.02;
constexpr int kTablesDue = 10;
constexpr int kErrorFactor = 24;                  // 1 h -> 24 h.
constexpr std::int64_t kHorizonXids = 10'000'000; // postgresai and pganalyze warn here.
constexpr std::int64_t kHorizonXidsError =
    100'000'000; // Half of the default autovacuum_freeze_max_age.
constexpr std::int32_t kTidStoreVersion = 17;

double number_or(const Snapshot& db, std::string_view setting, double otherwise) {
  return catalog::setting_number(db, setting).value_or(otherwise);
}

/// Dead rows from which autovacuum is due on the table.
double vacuum_threshold(const Snapshot& db, const Relation& relation) {
  const double base = storage_number(relation.options, "autovacuum_vacuum_threshold")
                          .value_or(number_or(db, "autovacuum_vacuum_threshold", 50));
  const double factor = storage_number(relation.options, "autovacuum_vacuum_scale_factor")
                            .value_or(number_or(db, "autovacuum_vacuum_scale_factor", 0.2));
  const double most = storage_number(relation.options, "autovacuum_vacuum_max_threshold")
                          .value_or(number_or(db, "autovacuum_vacuum_max_threshold", -1)); // 18+.
  const double due = base + factor * std::max(0.0, relation.rows);
  return most >= 0 ? std::min(most, due) : due;
}

std::unordered_set<OidNumber> vacuumed_now(const Snapshot& db) {
  std::unordered_set<OidNumber> running;
  for (const Progress& progress : db.progress) {
    if (progress.kind == "vacuum") running.insert(progress.relation);
  }
  return running;
}

bool holds_rows(const Relation& relation) {
  return relation.kind == "r" || relation.kind == "m";
}

std::string ago(const Snapshot& db, double unix_seconds) {
  if (unix_seconds <= 0) return "not since the counters began";
  return human_seconds(std::max(0.0, db.server.now - unix_seconds)) + " ago";
}

void dead_tuples(const Snapshot& db, const Limits& limits, Sink& out) {
  const std::unordered_set<OidNumber> running = vacuumed_now(db);
  for (const Relation& relation : db.relations) {
    if (!holds_rows(relation) || relation.dead_rows <= limits.dead_rows) continue;
    const double dead = static_cast<double>(relation.dead_rows);
    const double live = static_cast<double>(std::max<std::int64_t>(0, relation.live_rows));
    const double due = vacuum_threshold(db, relation);
    if (dead <= kDeadShare * live || dead <= due || running.contains(relation.oid)) continue;
    const std::string name = catalog::qualified_name(relation);
    out.add({.object = name,
             .message = fmt::format(
                 "{} dead rows beside {} live ones; vacuum was due at {}, the last one was {}",
                 human_count(relation.dead_rows), human_count(relation.live_rows),
                 human_count(static_cast<std::int64_t>(due)), ago(db, relation.vacuumed)),
             .evidence = Json{{"dead_rows", relation.dead_rows},
                              {"live_rows", relation.live_rows},
                              {"vacuum_due_at", static_cast<std::int64_t>(due)},
                              {"last_vacuum", relation.vacuumed},
                              {"storage_parameters", Json::list(relation.options)}},
             .fix = Fix{.safety = Safety::online,
                        .phase = Phase::maintenance,
                        .sql = {"VACUUM " + name},
                        .note = "It removes nothing that an old transaction may still see: end "
                                "what xmin-horizon-held names first. So "
                                "that it does not come back, lower autovacuum_vacuum_scale_factor "
                                "of the table."}});
  }
}

void autovacuum_off(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (const catalog::Setting* const setting = db.setting("autovacuum");
      setting != nullptr && !catalog::setting_is_on(db, "autovacuum")) {
    out.add({.object = "setting autovacuum",
             .message = "autovacuum is off for the whole server: dead rows stay, statistics age, "
                        "only emergency freezing runs",
             .evidence = Json{{"autovacuum", setting->value}, {"source", setting->source}},
             .fix = alter_system(db, "autovacuum", "on")});
  }
  for (const Relation& relation : db.relations) {
    const bool heap_off = storage_is_off(relation.options, "autovacuum_enabled");
    const bool toast_off = storage_is_off(relation.options, "toast.autovacuum_enabled");
    if (!heap_off && !toast_off) continue;
    const std::string name = catalog::qualified_name(relation);
    const std::string_view kind = relation.kind == "m" ? "MATERIALIZED VIEW" : "TABLE";
    std::vector<std::string> reset;
    std::vector<std::string> set;
    if (heap_off) reset.emplace_back("autovacuum_enabled");
    if (toast_off) reset.emplace_back("toast.autovacuum_enabled");
    set.reserve(reset.size());
    for (const std::string& parameter : reset)
      set.push_back(parameter + " = off");
    out.add(
        {.object = name,
         .message = fmt::format("autovacuum is switched off for {}{}, which has {} dead rows",
                                heap_off ? "the table" : "its TOAST table",
                                heap_off && toast_off ? " and its TOAST table" : "",
                                human_count(std::max<std::int64_t>(0, relation.dead_rows))),
         .evidence = Json{{"storage_parameters", Json::list(relation.options)},
                          {"dead_rows", relation.dead_rows},
                          {"live_rows", relation.live_rows}},
         .fix = Fix{
             .safety = Safety::online,
             .phase = Phase::repair,
             .sql = {fmt::format("ALTER {} {} RESET ({})", kind, name, base::join(reset, ", "))},
             .undo = {fmt::format("ALTER {} {} SET ({})", kind, name, base::join(set, ", "))},
             .note = "Takes a lock that only other ALTER and VACUUM commands wait for."}});
  }
}

void autovacuum_starved(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const double workers_max = number_or(db, "autovacuum_max_workers", 3);
  const auto busy = std::ranges::count_if(db.sessions, [](const Session& session) {
    return session.backend_type == "autovacuum worker";
  });
  if (static_cast<double>(busy) < workers_max) return;
  std::vector<const Relation*> due;
  for (const Relation& relation : db.relations) {
    if (!holds_rows(relation) || relation.dead_rows < 0) continue;
    if (storage_is_off(relation.options, "autovacuum_enabled")) continue; // autovacuum-off says so.
    if (static_cast<double>(relation.dead_rows) > vacuum_threshold(db, relation))
      due.push_back(&relation);
  }
  if (due.size() <= kTablesDue) return;
  std::ranges::sort(due, std::greater{},
                    [](const Relation* relation) { return relation->dead_rows; });
  Json worst;
  for (std::size_t index = 0; index < kTablesDue; ++index) {
    worst.push(Json{{"table", catalog::qualified_name(*due[index])},
                    {"dead_rows", due[index]->dead_rows}});
  }
  const double limit_now = std::max(200.0, number_or(db, "autovacuum_vacuum_cost_limit", -1));
  Fix fix = alter_system(db, "autovacuum_vacuum_cost_limit",
                         fmt::format("{:.0f}", std::min(10'000.0, limit_now * 5)));
  fix.note = "The limit is shared by all workers, so more workers alone make each one slower; "
             "raise autovacuum_max_workers as well "
             "where many tables are due (a restart before 18).";
  out.add({.object = "setting autovacuum_max_workers",
           .message = fmt::format("all {} autovacuum workers are busy and {} tables are due", busy,
                                  due.size()),
           .evidence = Json{{"workers_busy", static_cast<std::int64_t>(busy)},
                            {"tables_due", static_cast<std::int64_t>(due.size())},
                            {"worst", std::move(worst)}},
           .fix = std::move(fix)});
}

void autovacuum_defaults(const Snapshot& db, const Limits& limits, Sink& out) {
  for (const Relation& relation : db.relations) {
    if (!holds_rows(relation) || relation.rows <= static_cast<double>(limits.big_table_rows))
      continue;
    if (storage_option(relation.options, "autovacuum_vacuum_scale_factor")) continue;
    const double due = vacuum_threshold(db, relation);
    // From 18 on, autovacuum_vacuum_max_threshold bounds it: then the share is small although the
    // factor is the default.
    if (due < kDeadShare * relation.rows) continue;
    const std::string name = catalog::qualified_name(relation);
    const std::string_view kind = relation.kind == "m" ? "MATERIALIZED VIEW" : "TABLE";
    out.add({.object = name,
             .message = fmt::format("with {} rows, vacuum waits for {} dead ones",
                                    human_count(static_cast<std::int64_t>(relation.rows)),
                                    human_count(static_cast<std::int64_t>(due))),
             .evidence = Json{{"rows", static_cast<std::int64_t>(relation.rows)},
                              {"vacuum_due_at", static_cast<std::int64_t>(due)},
                              {"autovacuum_vacuum_scale_factor",
                               catalog::setting_text(db, "autovacuum_vacuum_scale_factor")}},
             .fix = Fix{.safety = Safety::online,
                        .phase = Phase::maintenance,
                        .sql = {fmt::format("ALTER {} {} SET (autovacuum_vacuum_scale_factor = {})",
                                            kind, name, kBigTableFactor)},
                        .undo = {fmt::format("ALTER {} {} RESET (autovacuum_vacuum_scale_factor)",
                                             kind, name)}}});
  }
}

void many_index_passes(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const Progress& progress : db.progress) {
    if (progress.kind != "vacuum" || progress.index_vacuum_count <= 1) continue;
    const Relation* const relation = db.relation(progress.relation);
    const double own = number_or(db, "autovacuum_work_mem", -1);
    const bool uses_own = progress.is_autovacuum && own > 0;
    const std::string_view setting =
        progress.is_autovacuum ? "autovacuum_work_mem" : "maintenance_work_mem";
    const double now = uses_own ? own : number_or(db, "maintenance_work_mem", 64.0 * base::kMiB);
    const bool is_capped =
        db.server.version / 10'000 < kTidStoreVersion; // Dead rows were an array of at most 1 GB.
    const double wanted = now * static_cast<double>(progress.index_vacuum_count + 1);
    const double value = is_capped ? std::min<double>(wanted, base::kGiB) : wanted;
    Fix fix = alter_system(db, setting, fmt::format("{:.0f}MB", value / base::kMiB));
    fix.note = "Each vacuum may take as much; the one that runs now keeps what it started with.";
    out.add({.object = relation != nullptr ? catalog::qualified_name(*relation)
                                           : fmt::format("relation {}", progress.relation),
             .message = fmt::format("the running vacuum has read all indexes {} times, as {} of "
                                    "memory does not hold its dead rows",
                                    progress.index_vacuum_count,
                                    human_bytes(static_cast<std::int64_t>(now))),
             .evidence = Json{{"pid", progress.pid},
                              {"phase", progress.phase},
                              {"index_vacuum_count", progress.index_vacuum_count},
                              {"memory_bytes", static_cast<std::int64_t>(now)}},
             .fix = std::move(fix)});
  }
}

// xmin-horizon-held.

/// Whoever keeps old row versions alive in this database.
struct Holder {
  std::string object;
  std::string_view kind; ///< "session", "prepared transaction", "slot", "replica".
  std::string who = {};  ///< Application and address, where there are any.
  std::int64_t xids = 0; ///< Age of the oldest transaction it needs.
  double age_s = -1;     ///< -1: nobody can tell.
  Json evidence = {};
  std::string sql = {}; ///< What a person may run; empty = nothing here.
  std::string note = {};
};

std::optional<Severity> severity_of(const Holder& holder, const Limits& limits) {
  const double warn_s = seconds_of(limits.xmin_horizon);
  if (holder.age_s > warn_s * kErrorFactor || holder.xids > kHorizonXidsError)
    return Severity::error;
  if (holder.age_s > warn_s || holder.xids > kHorizonXids) return Severity::warning;
  return std::nullopt;
}

/// Without those that are empty.
std::vector<std::string> words(std::vector<std::string> all) {
  std::erase(all, std::string{});
  return all;
}

void add_sessions(const Snapshot& db, std::vector<Holder>& holders) {
  // A plain VACUUM's own snapshot holds nobody back; walsenders stand among the replicas, with the
  // replica's name.
  std::unordered_set<std::int32_t> vacuums;
  for (const Progress& progress : db.progress) {
    if (progress.kind == "vacuum") vacuums.insert(progress.pid);
  }
  for (const Session& session : db.sessions) {
    const std::int64_t xids = std::max(session.xmin_age, session.xid_age);
    if (xids < 0 || session.is_own || session.backend_type == "walsender" ||
        vacuums.contains(session.pid))
      continue;
    // Sessions of other databases hold back no rows of this one's tables.
    if (!session.database.empty() && session.database != db.server.database) continue;
    holders.push_back(
        {.object = fmt::format("session {} of {}", session.pid,
                               session.user.empty() ? session.backend_type : session.user),
         .kind = "session",
         .who = base::join(words({session.application_name, session.client_address, session.state}),
                           ", "),
         .xids = xids,
         .age_s = session.xact_age_s,
         .evidence = Json{{"pid", session.pid},
                          {"user", session.user},
                          {"application_name", session.application_name},
                          {"client_address", session.client_address},
                          {"state", session.state},
                          {"query", session.query}},
         .sql = fmt::format("SELECT pg_terminate_backend({})", session.pid),
         .note = "A person must decide: ending the session rolls its transaction back. Ask who "
                 "runs it, then run the statement, and "
                 "set idle_in_transaction_session_timeout so that it cannot happen again."});
  }
}

void add_prepared(const Snapshot& db, std::vector<Holder>& holders) {
  for (const catalog::PreparedTransaction& prepared : db.prepared_transactions) {
    if (prepared.database != db.server.database) continue;
    holders.push_back({.object = "prepared transaction " + prepared.gid,
                       .kind = "prepared transaction",
                       .xids = prepared.xid_age,
                       .age_s = prepared.age_s,
                       .evidence = Json{{"gid", prepared.gid}, {"owner", prepared.owner}},
                       .sql = "ROLLBACK PREPARED " + postgres::quote_literal(prepared.gid),
                       .note = "A person must decide between COMMIT PREPARED and ROLLBACK "
                               "PREPARED: only the transaction manager that "
                               "prepared it knows whether its other halves were committed."});
  }
}

void add_slots(const Snapshot& db, std::vector<Holder>& holders) {
  for (const catalog::Slot& slot : db.slots) {
    const std::int64_t xids = std::max(slot.xmin_age, slot.catalog_xmin_age);
    if (xids < 0) continue;
    const bool is_idle = !slot.is_active && slot.inactive_since > 0;
    holders.push_back({.object = "slot " + slot.name,
                       .kind = slot.xmin_age >= 0 ? "slot" : "slot, of catalog rows only",
                       .xids = xids,
                       .age_s = is_idle ? db.server.now - slot.inactive_since : -1,
                       .evidence = Json{{"slot", slot.name},
                                        {"type", slot.type},
                                        {"is_active", slot.is_active},
                                        {"xmin_age", slot.xmin_age},
                                        {"catalog_xmin_age", slot.catalog_xmin_age}},
                       .sql = slot.is_active ? std::string{}
                                             : fmt::format("SELECT pg_drop_replication_slot({})",
                                                           postgres::quote_literal(slot.name)),
                       .note = "A person must decide: a replica or subscriber whose slot is "
                               "dropped must be built anew. Start its reader "
                               "again, or drop the slot when nobody will come back."});
  }
}

void add_replicas(const Snapshot& db, std::vector<Holder>& holders) {
  for (const catalog::Replica& replica : db.replicas) {
    if (replica.xmin_age < 0) continue;
    holders.push_back(
        {.object = "replica " + (replica.application_name.empty() ? replica.client_address
                                                                  : replica.application_name),
         .kind = "replica",
         .who = base::join(words({replica.client_address, replica.state}), ", "),
         .xids = replica.xmin_age,
         .evidence = Json{{"application_name", replica.application_name},
                          {"client_address", replica.client_address},
                          {"state", replica.state}},
         .note = "The query that holds it runs on the replica, where no statement of this server "
                 "reaches: end it there, or "
                 "switch hot_standby_feedback off there."});
  }
}

void xmin_horizon(const Snapshot& db, const Limits& limits, Sink& out) {
  std::vector<Holder> holders;
  add_sessions(db, holders);
  add_prepared(db, holders);
  add_slots(db, holders);
  add_replicas(db, holders);
  for (const Facts part :
       {Facts::activity_of_others, Facts::prepared_transactions, Facts::slots, Facts::replicas}) {
    if (!has(db.present, part))
      out.skip(fmt::format("{}: {}", catalog::name_of(part), db.why_absent(part)));
  }
  for (Holder& holder : holders) {
    const std::optional<Severity> severity = severity_of(holder, limits);
    if (!severity) continue;
    const std::string since =
        holder.age_s >= 0 ? fmt::format(" for {}", human_seconds(holder.age_s)) : std::string{};
    holder.evidence.set("holder", std::string(holder.kind));
    holder.evidence.set("age_xids", holder.xids);
    if (holder.age_s >= 0) holder.evidence.set("age_s", static_cast<std::int64_t>(holder.age_s));
    Fix fix{.safety = Safety::manual, .phase = Phase::repair, .note = std::move(holder.note)};
    if (!holder.sql.empty()) fix.sql.push_back(std::move(holder.sql));
    out.add(
        {.severity = severity,
         .object = std::move(holder.object),
         .message = fmt::format("this {}{} has kept vacuum from removing dead rows{}; its oldest "
                                "transaction is {} back",
                                holder.kind, holder.who.empty() ? "" : " (" + holder.who + ")",
                                since, human_count(holder.xids)),
         .evidence = std::move(holder.evidence),
         .fix = std::move(fix)});
  }
}

constexpr Rule kVacuumRules[] = {
    {.id = "dead-tuples",
     .title = "Dead rows that vacuum should have removed",
     .why = "Scans read the dead rows too, the table grows, and queue tables become slower with "
            "every job.",
     .how = "Vacuum the table, remove what holds the horizon, and give the table a lower "
            "autovacuum_vacuum_scale_factor.",
     .source = "PostgreSQL manual, routine-vacuuming: The Autovacuum Daemon",
     .severity = Severity::warning,
     .area = Area::vacuum,
     .needs = Facts::relations | Facts::table_stats | Facts::settings,
     .judge = dead_tuples},
    {.id = "xmin-horizon-held",
     .title = "Somebody keeps vacuum from removing dead rows",
     .why = "No dead row younger than the oldest transaction in use can be removed, in any table: "
            "everything bloats at once.",
     .how = "End the holder that is named; then bound how long a transaction may stay open.",
     .source = "PostgreSQL manual, routine-vacuuming: Preventing Transaction ID Wraparound "
               "Failures; postgresai (10 M transactions)",
     .severity = Severity::warning,
     .area = Area::vacuum,
     .needs = Facts::activity,
     .judge = xmin_horizon},
    {.id = "autovacuum-off",
     .title = "Autovacuum is switched off",
     .why = "Dead rows pile up, plans are made from old statistics, and in the end the server "
            "freezes rows at the worst moment.",
     .how = "Switch it on; where it disturbs, let it run more often in smaller bites rather than "
            "never.",
     .source = "PostgreSQL manual, runtime-config-autovacuum; sql-createtable: Storage Parameters",
     .severity = Severity::error,
     .area = Area::vacuum,
     .needs = Facts::settings | Facts::relations,
     .judge = autovacuum_off},
    {.id = "autovacuum-starved",
     .title = "All autovacuum workers are busy while tables wait",
     .why = "The tables that wait bloat, however well each of them is tuned.",
     .how = "Let the workers work faster (autovacuum_vacuum_cost_limit), then add workers.",
     .source = "postgresai; PostgreSQL manual, runtime-config-autovacuum",
     .severity = Severity::warning,
     .area = Area::vacuum,
     .needs = Facts::activity_of_others | Facts::relations | Facts::table_stats | Facts::settings,
     .judge = autovacuum_starved},
    {.id = "autovacuum-defaults-on-big-table",
     .title = "Large table is vacuumed by a share of its size",
     .why = "A fifth of a large table is millions of dead rows: vacuum comes rarely and then runs "
            "for hours.",
     .how = "Give the table a scale factor of 0.02.",
     .source = "postgresai; PostgreSQL manual, routine-vacuuming: The Autovacuum Daemon",
     .severity = Severity::info,
     .area = Area::vacuum,
     .needs = Facts::relations | Facts::settings,
     .judge = autovacuum_defaults},
    {.id = "vacuum-many-index-passes",
     .title = "A vacuum reads all indexes more than once",
     .why = "Its memory does not hold the dead rows found, so it scans every index of the table "
            "again and again.",
     .how = "Raise autovacuum_work_mem, or maintenance_work_mem for a manual vacuum.",
     .source = "PostgreSQL manual, progress-reporting: VACUUM Progress Reporting; "
               "runtime-config-resource",
     .severity = Severity::warning,
     .area = Area::vacuum,
     .needs = Facts::progress | Facts::settings,
     .judge = many_index_passes},
};

} // namespace

const std::span<const Rule> vacuum_rules{kVacuumRules};

} // namespace pgkeep::audit
