// Replication: whether the copies are there, and how far behind. Synchronous standbys are counted
// against synchronous_standby_names, read by the server's own grammar: "a, b", "2 (a, b)", "FIRST 2
// (a, b)", "ANY 1 (*)".

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>
#include <vector>

#include "audit/families.h"
#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {
namespace {

using catalog::Replica;
using catalog::Subscription;

constexpr std::int64_t kLagBytesWarning = 50 * base::kMiB; // pgMonitor.
constexpr std::int64_t kLagBytesError = 100 * base::kMiB;
constexpr double kLagSecondsWarning = 30;
constexpr double kLagSecondsError = 300;
constexpr std::int64_t kFeedbackXids = 1'000'000;
constexpr double kStartGraceSeconds = 60; // Workers need a moment after the server's start.

Fix elsewhere(std::string note) {
  return {.safety = Safety::manual, .phase = Phase::repair, .note = std::move(note)};
}

std::string name_of(const Replica& replica) {
  const std::string& name =
      replica.application_name.empty() ? replica.client_address : replica.application_name;
  return "replica " + (name.empty() ? std::string{"without a name"} : name);
}

std::optional<Severity> lag_severity(std::int64_t bytes, double seconds) {
  if (bytes > kLagBytesError || seconds > kLagSecondsError) return Severity::error;
  if (bytes > kLagBytesWarning || seconds > kLagSecondsWarning) return Severity::warning;
  return std::nullopt;
}

void lag_of_this_standby(const Snapshot& db, Sink& out) {
  if (!db.standby) {
    out.skip("how far this standby is could not be read");
    return;
  }
  const catalog::Standby& standby = *db.standby;
  const std::int64_t bytes =
      std::max<std::int64_t>(0, standby.receive_position - standby.replay_position);
  const std::optional<Severity> severity = lag_severity(bytes, standby.replay_age_s);
  if (!severity) return;
  out.add({.severity = severity,
           .object = "this standby",
           .message =
               fmt::format("it shows the data of {} ago; {} received are not replayed",
                           human_seconds(std::max(0.0, standby.replay_age_s)), human_bytes(bytes)),
           .evidence =
               Json{{"replay_age_s", standby.replay_age_s}, {"receive_minus_replay_bytes", bytes}},
           .fix = elsewhere("A standby takes no writes and no statement makes it replay faster: "
                            "look for queries that hold replay back "
                            "(max_standby_streaming_delay), a paused replay, or a slow disk.")});
}

void replica_lag(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (db.server.is_standby) lag_of_this_standby(db, out);
  if (!has(db.present, Facts::replicas)) {
    if (!db.server.is_standby) out.skip(db.why_absent(Facts::replicas));
    return;
  }
  for (const Replica& replica : db.replicas) {
    if (replica.is_backup_or_receiver || replica.state == "backup" || replica.state == "startup")
      continue;
    std::optional<Severity> severity = lag_severity(replica.lag_bytes, replica.replay_lag_s);
    if (!severity) continue;
    // One that has just come back must catch up; that is no fault yet.
    if (replica.state == "catchup") severity = Severity::warning;
    out.add(
        {.severity = severity,
         .object = name_of(replica),
         .message =
             fmt::format("it is {} of WAL behind{}, state {}", human_bytes(replica.lag_bytes),
                         replica.replay_lag_s > 0
                             ? fmt::format(" and {} late", human_seconds(replica.replay_lag_s))
                             : "",
                         replica.state),
         .evidence = Json{{"lag_bytes", replica.lag_bytes},
                          {"replay_lag_s", replica.replay_lag_s},
                          {"state", replica.state},
                          {"sync_state", replica.sync_state},
                          {"client_address", replica.client_address}},
         .fix = elsewhere("The cause lies on the replica or the network, where no statement of "
                          "this server reaches: look there for a "
                          "slow disk, queries that hold replay back, or too little bandwidth.")});
  }
}

/// synchronous_standby_names, read.
struct SyncRule {
  std::size_t wanted = 0;         ///< 0 = replication is not synchronous.
  std::vector<std::string> names; ///< Lower case; "*" = any.
};

/// Names are compared without case (PostgreSQL manual, runtime-config-replication). What cannot be
/// read gives wanted = 0.
SyncRule parse_sync(std::string_view text) {
  std::vector<std::string> tokens;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (std::isspace(static_cast<unsigned char>(c)) != 0 || c == ',') {
      ++at;
    } else if (c == '(' || c == ')' || c == '*') {
      tokens.emplace_back(1, c);
      ++at;
    } else if (c == '"') {
      std::string name;
      for (++at; at < text.size(); ++at) {
        if (text[at] != '"') {
          name.push_back(text[at]);
        } else if (at + 1 < text.size() && text[at + 1] == '"') {
          name.push_back(text[++at]);
        } else {
          break;
        }
      }
      ++at;
      tokens.push_back(base::to_lower(name));
    } else {
      const std::size_t end = std::min(text.find_first_of(" \t\n,()\"", at), text.size());
      tokens.push_back(base::to_lower(text.substr(at, end - at)));
      at = end;
    }
  }
  if (tokens.empty()) return {};
  const auto open = std::ranges::find(tokens, "(");
  if (open == tokens.end()) return {.wanted = 1, .names = tokens};
  if (open == tokens.begin()) return {};
  const std::string& number = *(open - 1);
  std::size_t wanted = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), wanted);
  if (error != std::errc{} || end != number.data() + number.size()) return {};
  return {.wanted = wanted, .names = {open + 1, std::ranges::find(tokens, ")")}};
}

/// Whether commits wait for a standby: not when synchronous_commit is off or local for everybody.
SyncRule sync_rule(const Snapshot& db) {
  const std::string commit = catalog::setting_text(db, "synchronous_commit");
  if (commit == "off" || commit == "local" || db.server.is_standby) return {};
  return parse_sync(catalog::setting_text(db, "synchronous_standby_names"));
}

bool is_candidate(const SyncRule& rule, const Replica& replica) {
  const std::string name = base::to_lower(replica.application_name);
  return replica.state == "streaming" &&
         std::ranges::any_of(rule.names, [&](const std::string& wanted) {
           return wanted == "*" || wanted == name;
         });
}

std::size_t candidates(const Snapshot& db, const SyncRule& rule) {
  return static_cast<std::size_t>(std::ranges::count_if(
      db.replicas, [&](const Replica& replica) { return is_candidate(rule, replica); }));
}

Json replica_names(const Snapshot& db) {
  Json names{Json::Array{}};
  for (const Replica& replica : db.replicas) {
    names.push(Json{{"application_name", replica.application_name},
                    {"state", replica.state},
                    {"sync_state", replica.sync_state}});
  }
  return names;
}

void replica_missing(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const SyncRule rule = sync_rule(db);
  const std::size_t here = candidates(db, rule);
  if (rule.wanted > 0 && here < rule.wanted) {
    Fix fix = alter_system(db, "synchronous_standby_names", "");
    fix.safety = Safety::manual;
    fix.phase = Phase::repair;
    fix.note = "A person must decide: bring the standby back; or, so that commits go on, give up "
               "the promise that they are on two "
               "machines with the statement shown.";
    out.add({.object = "setting synchronous_standby_names",
             .message = fmt::format(
                 "{} synchronous standbys are wanted and {} are streaming: every commit hangs",
                 rule.wanted, here),
             .evidence = Json{{"synchronous_standby_names",
                               catalog::setting_text(db, "synchronous_standby_names")},
                              {"wanted", static_cast<std::int64_t>(rule.wanted)},
                              {"streaming", static_cast<std::int64_t>(here)},
                              {"replicas", replica_names(db)}},
             .fix = std::move(fix)});
    return;
  }
  if (!db.outside.replicas || db.server.is_standby) return;
  const auto streaming = std::ranges::count_if(
      db.replicas, [](const Replica& replica) { return !replica.is_backup_or_receiver; });
  if (streaming >= db.outside.replicas->replicas) return;
  out.add(
      {.object = "replicas",
       .message = fmt::format("{} replicas were named and {} are connected",
                              db.outside.replicas->replicas, streaming),
       .evidence = Json{{"named", db.outside.replicas->replicas},
                        {"connected", static_cast<std::int64_t>(streaming)},
                        {"replicas", replica_names(db)}},
       .fix = elsewhere(
           "The replica is stopped or cannot reach this server, and only its own log says why.")});
}

void sync_standby_single(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const SyncRule rule = sync_rule(db);
  if (rule.wanted == 0 || candidates(db, rule) != rule.wanted)
    return; // Fewer: replica-missing says so.
  // Another streaming replica that is not named could stand in.
  std::vector<std::string> names;
  bool has_spare = false;
  for (const Replica& replica : db.replicas) {
    if (replica.state != "streaming" || replica.is_backup_or_receiver ||
        replica.application_name.empty())
      continue;
    std::string quoted = "\"" + base::replace_all(replica.application_name, "\"", "\"\"") + "\"";
    if (std::ranges::find(names, quoted) != names.end()) continue;
    has_spare = has_spare || !is_candidate(rule, replica);
    names.push_back(std::move(quoted));
  }
  Fix fix =
      elsewhere("No statement makes a second standby: build one, then name both: ANY 1 (a, b).");
  if (has_spare) {
    fix = alter_system(db, "synchronous_standby_names",
                       fmt::format("ANY {} ({})", rule.wanted, base::join(names, ", ")));
    fix.note = "Commits then wait for whichever answers first.";
  }
  out.add(
      {.object = "setting synchronous_standby_names",
       .message = fmt::format(
           "commits wait for {} of {} standbys that could answer: the loss of one stops all writes",
           rule.wanted, rule.wanted),
       .evidence = Json{{"synchronous_standby_names",
                         catalog::setting_text(db, "synchronous_standby_names")},
                        {"replicas", replica_names(db)}},
       .fix = std::move(fix)});
}

void feedback_bloat(const Snapshot& db, const Limits& limits, Sink& out) {
  for (const Replica& replica : db.replicas) {
    if (replica.xmin_age <= kFeedbackXids) continue;
    out.add({.object = name_of(replica),
             .message = fmt::format(
                 "its hot_standby_feedback keeps rows that died within the last {} transactions",
                 human_count(replica.xmin_age)),
             .evidence = Json{{"xmin_age", replica.xmin_age},
                              {"application_name", replica.application_name}},
             .fix = elsewhere("The long query runs on the replica, where no statement of this "
                              "server reaches: bound it there with "
                              "statement_timeout, or switch hot_standby_feedback off and let such "
                              "queries be cancelled.")});
  }
  if (!db.server.is_standby || !catalog::setting_is_on(db, "hot_standby_feedback")) return;
  for (const catalog::Session& session : db.sessions) {
    if (session.is_own || session.xmin_age < 0 ||
        session.xact_age_s <= seconds_of(limits.xmin_horizon))
      continue;
    out.add(
        {.object = fmt::format("session {} of {}", session.pid, session.user),
         .message = fmt::format(
             "its transaction of {} keeps dead rows on the primary, as hot_standby_feedback is on",
             human_seconds(session.xact_age_s)),
         .evidence = Json{{"pid", session.pid},
                          {"application_name", session.application_name},
                          {"xact_age_s", session.xact_age_s},
                          {"xmin_age", session.xmin_age}},
         .fix = Fix{.safety = Safety::manual,
                    .phase = Phase::repair,
                    .sql = {fmt::format("SELECT pg_terminate_backend({})", session.pid)},
                    .note = "A person must decide whether the query may be ended."}});
  }
}

void subscription_failing(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const bool has_started = db.server.now - db.server.start_time > kStartGraceSeconds;
  for (const Subscription& subscription : db.subscriptions) {
    const std::int64_t errors = subscription.apply_errors + subscription.sync_errors;
    Severity severity = Severity::error;
    std::string message;
    if (!subscription.is_enabled) {
      severity = errors > 0 ? Severity::error : Severity::warning;
      message = fmt::format(
          "it is disabled{}: changes do not arrive, and its slot keeps WAL on the publisher",
          errors > 0 ? fmt::format(" after {} errors", human_count(errors)) : "");
    } else if (!subscription.has_worker && has_started) {
      message = fmt::format("no worker runs for it{}: changes do not arrive",
                            errors > 0 ? fmt::format(" after {} errors", human_count(errors)) : "");
    } else if (subscription.tables_not_ready > 0 && subscription.sync_errors > 0) {
      message = fmt::format("tables not copied yet: {}, errors so far: {}",
                            human_count(subscription.tables_not_ready),
                            human_count(subscription.sync_errors));
    } else if (subscription.apply_errors > 0) {
      severity = Severity::warning; // It runs now: the cause may be gone. The counter stays until
                                    // it is reset.
      message = fmt::format("errors while applying changes since the counters were reset: {}",
                            human_count(subscription.apply_errors));
    } else {
      continue; // Tables that are still being copied for the first time are no fault.
    }
    out.add({.severity = severity,
             .object = "subscription " + subscription.name,
             .message = std::move(message),
             .evidence = Json{{"is_enabled", subscription.is_enabled},
                              {"has_worker", subscription.has_worker},
                              {"apply_errors", subscription.apply_errors},
                              {"sync_errors", subscription.sync_errors},
                              {"tables_not_ready", subscription.tables_not_ready}},
             .fix = Fix{.safety = Safety::manual,
                        .phase = Phase::repair,
                        .sql = subscription.is_enabled
                                   ? std::vector<std::string>{}
                                   : std::vector<std::string>{fmt::format(
                                         "ALTER SUBSCRIPTION {} ENABLE",
                                         postgres::quote_identifier(subscription.name))},
                        .note = "The server's log names the row or the connection that fails: mend "
                                "that (a duplicate key, a missing "
                                "column, a password) before it is enabled again, else it fails on "
                                "the same change."}});
  }
}

constexpr Rule kReplicationRules[] = {
    {.id = "replica-lag",
     .title = "Replica is behind",
     .why = "Readers see old data, and what the replica lacks is lost when the primary is lost.",
     .how =
         "Look on the replica for queries that hold replay back, a slow disk, or a slow network.",
     .source = "pgMonitor (50 and 100 MB; 30 s and 5 min); PostgreSQL manual, monitoring-stats: "
               "pg_stat_replication",
     .severity = Severity::warning,
     .area = Area::replication,
     .needs = Facts::server,
     .judge = replica_lag},
    {.id = "replica-missing",
     .title = "Replica that should be there is not",
     .why = "With a synchronous standby gone every commit hangs; with an asynchronous one gone "
            "nothing is left to fail over to.",
     .how = "Bring the replica back, or take it out of synchronous_standby_names.",
     .source =
         "pganalyze; PostgreSQL manual, runtime-config-replication: synchronous_standby_names",
     .severity = Severity::error,
     .area = Area::replication,
     .needs = Facts::replicas | Facts::settings,
     .judge = replica_missing},
    {.id = "sync-standby-single",
     .title = "Synchronous replication without a spare standby",
     .why = "When the one standby restarts, every write on the primary waits for it.",
     .how = "Run two standbys and wait for any one of them.",
     .source = "PostgreSQL manual, warm-standby: Planning for High Availability",
     .severity = Severity::warning,
     .area = Area::replication,
     .needs = Facts::replicas | Facts::settings,
     .judge = sync_standby_single},
    {.id = "standby-feedback-bloat",
     .title = "A long query on a replica keeps dead rows here",
     .why = "With hot_standby_feedback the primary keeps every row version that the replica's "
            "oldest query may see.",
     .how = "Bound the queries on the replica in time.",
     .source = "postgresai; PostgreSQL manual, hot-standby: Handling Query Conflicts",
     .severity = Severity::info,
     .area = Area::replication,
     .needs = Facts::replicas,
     .judge = feedback_bloat},
    {.id = "subscription-failing",
     .title = "Subscription does not apply changes",
     .why = "The subscriber's data stands still, and the publisher keeps WAL for it until its disk "
            "is full.",
     .how = "Mend what the log names, then enable the subscription.",
     .source = "PostgreSQL manual, monitoring-stats: pg_stat_subscription_stats; "
               "logical-replication-conflicts",
     .severity = Severity::error,
     .area = Area::replication,
     .needs = Facts::subscriptions,
     .judge = subscription_failing},
};

} // namespace

const std::span<const Rule> replication_rules{kReplicationRules};

} // namespace pgkeep::audit
