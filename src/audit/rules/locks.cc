// Sessions that hold others up now: long queries and transactions, lock waits, forgotten
// transactions.
//
// Durations are the server's (now() of the snapshot). Ending somebody's work is never written as a
// fix to run: only a person knows whether it may be ended, so these are manual, with the statement.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "audit/families.h"
#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {
namespace {

constexpr double kLongQueryError = 60; ///< Times the limit (findings/limits.h).
constexpr double kLongTransactionError = 12;
constexpr double kIdleError = 3;
constexpr double kBlockedError = 10;
constexpr std::int64_t kIdleSessionsMax = 10;
constexpr double kIdleCounts_s = 10;      ///< Shorter pauses between two statements are ordinary.
constexpr double kLockTableWarning = 0.2; ///< postgres_exporter's mixin.
constexpr double kLockTableError = 0.6;

bool is_client(const catalog::Session& session) {
  return !session.is_own && session.backend_type == "client backend";
}

/// Work that takes long by nature and holds no rows: dumps and maintenance commands.
bool is_maintenance(const catalog::Session& session) {
  const std::string_view query = base::trim(session.query);
  return session.application_name == "pg_dump" || session.application_name == "pg_basebackup" ||
         base::to_lower(query.substr(0, 6)) == "vacuum";
}

bool is_idle_in_transaction(const catalog::Session& session) {
  return session.state.starts_with("idle in transaction");
}

std::string session_object(const catalog::Session& session) {
  return fmt::format("session {}", session.pid);
}

Json session_evidence(const catalog::Session& session) {
  return Json{{"pid", session.pid},
              {"user", session.user},
              {"database", session.database},
              {"application_name", session.application_name},
              {"client_address", session.client_address},
              {"state", session.state},
              {"query", session.query}};
}

Fix end_session(const catalog::Session& session, std::string_view function, std::string note) {
  return Fix{.safety = Safety::manual,
             .phase = Phase::repair,
             .sql = {fmt::format("SELECT {}({})", function, session.pid)},
             .note = std::move(note)};
}

Severity step(double value, double error_from) {
  return value > error_from ? Severity::error : Severity::warning;
}

void long_query(const Snapshot& db, const Limits& limits, Sink& out) {
  const double limit = seconds_of(limits.long_query);
  for (const catalog::Session& each : db.sessions) {
    if (!is_client(each) || each.state != "active" || is_maintenance(each)) continue;
    if (each.query_age_s <= limit) continue;
    Json evidence = session_evidence(each);
    evidence.set("query_age_s", each.query_age_s);
    out.add({.severity = step(each.query_age_s, limit * kLongQueryError),
             .object = session_object(each),
             .message = fmt::format("a query of {} has run for {}", each.user,
                                    human_seconds(each.query_age_s)),
             .evidence = std::move(evidence),
             .fix = end_session(
                 each, "pg_cancel_backend",
                 "Only its owner knows whether this query may be cancelled; a statement_timeout of "
                 "the role ends the next one by itself.")});
  }
}

void long_transaction(const Snapshot& db, const Limits& limits, Sink& out) {
  const double limit = seconds_of(limits.long_transaction);
  for (const catalog::Session& each : db.sessions) {
    if (!is_client(each) || is_maintenance(each) || each.xact_age_s <= limit) continue;
    Json evidence = session_evidence(each);
    evidence.set("xact_age_s", each.xact_age_s);
    evidence.set("xmin_age", each.xmin_age);
    out.add(
        {.severity = step(each.xact_age_s, limit * kLongTransactionError),
         .object = session_object(each),
         .message = fmt::format("a transaction of {} has been open for {}", each.user,
                                human_seconds(each.xact_age_s)),
         .evidence = std::move(evidence),
         .fix = end_session(each, "pg_terminate_backend",
                            "Ending it rolls its work back, which only its owner may decide.")});
  }
}

/// How many sessions wait, directly, for each pid.
std::unordered_map<std::int32_t, std::int64_t> waiters_of(const Snapshot& db) {
  std::unordered_map<std::int32_t, std::int64_t> waiters;
  for (const catalog::Session& each : db.sessions) {
    for (const std::int32_t pid : each.blocked_by)
      ++waiters[pid];
  }
  return waiters;
}

void idle_in_transaction(const Snapshot& db, const Limits& limits, Sink& out) {
  const double limit = seconds_of(limits.idle_in_transaction);
  const auto waiters = waiters_of(db);
  std::int64_t idle = 0;
  for (const catalog::Session& each : db.sessions) {
    if (!is_client(each) || !is_idle_in_transaction(each)) continue;
    if (each.state_age_s > kIdleCounts_s) ++idle;
    if (each.state_age_s <= limit) continue;
    const auto found = waiters.find(each.pid);
    const std::int64_t waiting = found == waiters.end() ? 0 : found->second;
    Json evidence = session_evidence(each);
    evidence.set("idle_s", each.state_age_s);
    evidence.set("xact_age_s", each.xact_age_s);
    evidence.set("waiting_sessions", waiting);
    out.add(
        {.severity = step(each.state_age_s, limit * kIdleError),
         .object = session_object(each),
         .message = fmt::format(
             "{} has done nothing for {} in an open transaction{}", each.user,
             human_seconds(each.state_age_s),
             waiting > 0 ? fmt::format(", and {} sessions wait for its locks", waiting) : ""),
         .evidence = std::move(evidence),
         .fix = end_session(each, "pg_terminate_backend",
                            "Its last statements are rolled back, which only its owner may decide; "
                            "idle_in_transaction_session_timeout ends the next one by itself.")});
  }
  if (idle <= kIdleSessionsMax) return;
  out.add(
      {.object = "sessions idle in a transaction",
       .message = fmt::format("{} sessions sit idle in a transaction for more than {} s", idle,
                              kIdleCounts_s),
       .evidence = Json{{"sessions", idle}},
       .fix = Fix{
           .safety = Safety::manual,
           .phase = Phase::repair,
           .note = "The application waits for something else (another service, a user) inside its "
                   "transactions: commit before waiting; no statement of the server can."}});
}

/// The waiting sessions below each session that waits for nobody, found by following the first
/// blocker upwards. Linear: the answer for a session is kept. A circle (a deadlock about to be
/// resolved) ends at the session where it was entered.
class BlockingTree {
public:
  explicit BlockingTree(const Snapshot& db) {
    for (const catalog::Session& each : db.sessions)
      by_pid_.emplace(each.pid, &each);
  }
  std::int32_t root_of(std::int32_t pid) {
    std::vector<std::int32_t> path;
    while (true) {
      if (const auto known = roots_.find(pid); known != roots_.end()) {
        pid = known->second;
        break;
      }
      path.push_back(pid);
      roots_.emplace(pid, pid); // So that a circle finds itself.
      const catalog::Session* const session = find(pid);
      if (session == nullptr || session->blocked_by.empty()) break;
      pid = session->blocked_by.front();
    }
    for (const std::int32_t each : path)
      roots_[each] = pid;
    return pid;
  }
  [[nodiscard]] const catalog::Session* find(std::int32_t pid) const {
    const auto found = by_pid_.find(pid);
    return found == by_pid_.end() ? nullptr : found->second;
  }

private:
  std::unordered_map<std::int32_t, const catalog::Session*> by_pid_;
  std::unordered_map<std::int32_t, std::int32_t> roots_;
};

/// Since when it waits; without pg_locks.waitstart (a prepared transaction's lock, a hidden view)
/// the query's age.
double wait_of(const catalog::Session& session) {
  return session.wait_age_s >= 0 ? session.wait_age_s : session.query_age_s;
}

struct BlockedGroup {
  std::vector<const catalog::Session*> waiting = {};
  double longest_s = 0;
};

std::string describe_root(std::int32_t pid, const catalog::Session* root) {
  if (pid == 0) return "a prepared transaction"; // pg_blocking_pids() has 0 for those.
  if (root == nullptr) return fmt::format("session {}", pid);
  return fmt::format("session {} of {} ({})", pid, root->user,
                     root->state.empty() ? "state hidden" : root->state);
}

Finding blocked_finding(std::int32_t pid, const BlockedGroup& group, const catalog::Session* root,
                        double limit_s) {
  Json waiting(Json::Array{});
  for (const catalog::Session* each : group.waiting) {
    Json row = session_evidence(*each);
    row.set("waits_s", wait_of(*each));
    row.set("waits_for", each->wait_relation);
    Json blockers(Json::Array{});
    for (const std::int32_t blocker : each->blocked_by)
      blockers.push(blocker);
    row.set("blocked_by", std::move(blockers));
    waiting.push(std::move(row));
  }
  const bool root_is_idle = root != nullptr && is_idle_in_transaction(*root);
  Fix fix{.safety = Safety::manual,
          .phase = Phase::repair,
          .note = "Cancelling or ending the session at the root frees the others; only its owner "
                  "knows whether "
                  "its work may be rolled back."};
  if (pid != 0) {
    fix.sql = {fmt::format("SELECT {}({})",
                           root_is_idle ? "pg_terminate_backend" : "pg_cancel_backend", pid)};
  }
  return {
      .severity = root_is_idle ? Severity::error : step(group.longest_s, limit_s * kBlockedError),
      .object = pid == 0 ? "a prepared transaction" : fmt::format("session {}", pid),
      .message = fmt::format("{} sessions wait, the longest for {}, for {}", group.waiting.size(),
                             human_seconds(group.longest_s), describe_root(pid, root)),
      .evidence = Json{{"root", root == nullptr ? Json{{"pid", pid}} : session_evidence(*root)},
                       {"waiting", std::move(waiting)}},
      .fix = std::move(fix)};
}

void blocked_sessions(const Snapshot& db, const Limits& limits, Sink& out) {
  BlockingTree tree(db);
  std::map<std::int32_t, BlockedGroup> groups; // Ordered: the report is the same each time.
  for (const catalog::Session& each : db.sessions) {
    if (each.blocked_by.empty()) continue;
    BlockedGroup& group = groups[tree.root_of(each.pid)];
    group.waiting.push_back(&each);
    group.longest_s = std::max(group.longest_s, wait_of(each));
  }
  const double limit = seconds_of(limits.blocked);
  for (const auto& [pid, group] : groups) {
    if (group.longest_s > limit) out.add(blocked_finding(pid, group, tree.find(pid), limit));
  }
}

void prepared_transactions(const Snapshot& db, const Limits& limits, Sink& out) {
  for (const catalog::PreparedTransaction& each : db.prepared_transactions) {
    if (each.age_s <= seconds_of(limits.prepared_transaction)) continue;
    const std::string gid = postgres::quote_literal(each.gid);
    out.add({.object = fmt::format("prepared transaction {}", gid),
             .message =
                 fmt::format("prepared by {} in {} {} ago, and neither committed nor rolled back",
                             each.owner, each.database, human_seconds(each.age_s)),
             .evidence = Json{{"gid", each.gid},
                              {"owner", each.owner},
                              {"database", each.database},
                              {"age_s", each.age_s},
                              {"xid_age", each.xid_age}},
             .fix = Fix{.safety = Safety::manual,
                        .phase = Phase::repair,
                        .sql = {fmt::format("ROLLBACK PREPARED {}", gid)},
                        .note = fmt::format(
                            "Whether the other databases of this transaction committed only its "
                            "coordinator knows: ask it, then run this or COMMIT PREPARED {} in "
                            "database {}. With no coordinator, set max_prepared_transactions = 0.",
                            gid, each.database)}});
  }
}

void lock_table_use(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::LockTable& locks = db.lock_table;
  if (locks.slots <= 0) {
    out.skip("the size of the lock table is not known");
    return;
  }
  const double share = static_cast<double>(locks.used) / static_cast<double>(locks.slots);
  if (share <= kLockTableWarning) return;
  const double now = catalog::setting_number(db, "max_locks_per_transaction").value_or(64);
  Fix fix = alter_system(db, "max_locks_per_transaction", fmt::format("{}", now * 4));
  out.add({.severity = step(share, kLockTableError),
           .object = "setting max_locks_per_transaction",
           .message =
               fmt::format("{} of {} places in the lock table are taken ({})",
                           human_count(locks.used), human_count(locks.slots), human_percent(share)),
           .evidence = Json{{"used", locks.used}, {"slots", locks.slots}},
           .fix = std::move(fix)});
}

constexpr Rule kLockRules[] = {
    {.id = "long-query",
     .title = "A query runs for long",
     .why = "It holds memory and old row versions, and everything behind its locks waits.",
     .how = "Cancel it if its owner agrees, read its plan, give the role a statement_timeout.",
     .source = "PostgreSQL manual, monitoring-stats: pg_stat_activity; PgHero",
     .severity = Severity::warning,
     .area = Area::transactions,
     .needs = Facts::activity | Facts::activity_of_others,
     .judge = long_query},
    {.id = "long-transaction",
     .title = "A transaction is open for long",
     .why = "No dead row that is younger than it can be removed anywhere: tables and indexes grow.",
     .how = "Commit earlier; do not wait for users or other services inside a transaction.",
     .source = "PostgreSQL manual, routine-vacuuming; check_postgres",
     .severity = Severity::warning,
     .area = Area::transactions,
     .needs = Facts::activity | Facts::activity_of_others,
     .judge = long_transaction},
    {.id = "idle-in-transaction",
     .title = "A session is idle inside a transaction",
     .why = "It keeps its locks while nobody works: the next ALTER TABLE and all queries behind it "
            "stop.",
     .how = "End the session, find the code that forgot COMMIT, set "
            "idle_in_transaction_session_timeout.",
     .source = "PostgreSQL manual, monitoring-stats: pg_stat_activity; PgHero",
     .severity = Severity::warning,
     .area = Area::transactions,
     .needs = Facts::activity | Facts::activity_of_others,
     .judge = idle_in_transaction},
    {.id = "blocked-sessions",
     .title = "Sessions wait for a lock",
     .why = "The application stands still for everybody who needs these rows.",
     .how = "Look at the session at the root; make its transaction shorter, and take locks in one "
            "order.",
     .source = "PostgreSQL manual, functions-info: pg_blocking_pids; view-pg-locks",
     .severity = Severity::warning,
     .area = Area::transactions,
     .needs = Facts::activity | Facts::activity_of_others | Facts::locks,
     .judge = blocked_sessions},
    {.id = "prepared-transactions",
     .title = "A prepared transaction was left behind",
     .why = "It survives restarts, keeps its locks and stops vacuum in the whole cluster until "
            "somebody ends it.",
     .how = "COMMIT PREPARED or ROLLBACK PREPARED; max_prepared_transactions = 0 where nothing "
            "needs them.",
     .source = "PostgreSQL manual, sql-prepare-transaction: Notes; check_postgres",
     .severity = Severity::error,
     .area = Area::transactions,
     .needs = Facts::prepared_transactions,
     .judge = prepared_transactions},
    {.id = "lock-table-use",
     .title = "The shared lock table fills up",
     .why = "When it is full, statements fail with \"out of shared memory\", among them the dump.",
     .how = "Touch fewer partitions in one transaction, or raise max_locks_per_transaction.",
     .source = "PostgreSQL manual, runtime-config-locks: max_locks_per_transaction; "
               "postgres_exporter mixin",
     .severity = Severity::warning,
     .area = Area::transactions,
     .needs = Facts::locks | Facts::settings,
     .judge = lock_table_use},
};

} // namespace

const std::span<const Rule> lock_rules{kLockRules};

} // namespace pgkeep::audit
