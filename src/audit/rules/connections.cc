// Connections: how many there are, how many there may be, and how they begin and end.
#include <algorithm>

#include "audit/families.h"
#include "audit/rules/server_settings.h"

namespace pgkeep::audit {
namespace {

// Thresholds: pgMonitor and postgres_exporter's mixin (saturation), postgresqltuner (the others).
constexpr double kSaturationWarning = 0.75;
constexpr double kSaturationError = 0.90;
constexpr double kLimitShare = 0.8;
constexpr double kConnectionsHigh = 300;
constexpr double kConnectionsPerCore = 20;
constexpr double kNewSessionsPerSecond = 2;
constexpr double kShortSession_s = 60;
/// Below one session in ten seconds, short ones are cron jobs and health checks.
constexpr double kShortSessionsPerSecond = 0.1;
constexpr double kAbandonedShare = 0.01;
constexpr std::int64_t kSessionsMin = 500;

/// Client connections now; nullopt where neither view may be seen. pg_stat_database counts workers
/// as well, so it is the second choice.
std::optional<double> connections_now(const Snapshot& db) {
  if (has(db.present, Facts::activity_of_others)) {
    return static_cast<double>(
        std::ranges::count(db.sessions, "client backend", &catalog::Session::backend_type));
  }
  if (!has(db.present, Facts::databases)) return std::nullopt;
  double sum = 0;
  for (const catalog::Database& each : db.databases)
    sum += static_cast<double>(each.backends);
  return sum;
}

void connection_saturation(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (look_at(db, "max_connections", out) == nullptr) return;
  const std::optional<double> used = connections_now(db);
  if (!used) {
    out.skip(db.why_absent(Facts::activity_of_others));
    return;
  }
  const auto number = [&](std::string_view name) {
    return catalog::setting_number(db, name).value_or(0);
  };
  const double reserved =
      number("superuser_reserved_connections") + number("reserved_connections"); // 16+
  const double usable = number("max_connections") - reserved;
  if (usable <= 0 || *used <= usable * kSaturationWarning) return;
  const double share = *used / usable;
  out.add(
      {.severity = share > kSaturationError ? Severity::error : Severity::warning,
       .object = "setting max_connections",
       .message = fmt::format("{} of {} usable connections are taken ({})", *used, usable,
                              human_percent(share)),
       .evidence = Json{{"connections", whole(*used)},
                        {"max_connections", whole(number("max_connections"))},
                        {"reserved", whole(reserved)}},
       .fix = Fix{
           .safety = Safety::manual,
           .phase = Phase::settings,
           .note =
               "max_connections needs a restart and more of them need more memory: put a pooler in "
               "front, or find the client that opens too many."}});
}

Fix raise_limit(std::string_view kind, std::string_view name, std::int32_t limit) {
  const std::string target = fmt::format("ALTER {} {}", kind, postgres::quote_identifier(name));
  const int more = std::max(limit + 1, limit * 3 / 2);
  return Fix{
      .safety = Safety::online,
      .phase = Phase::roles,
      .sql = {fmt::format("{} CONNECTION LIMIT {}", target, more)},
      .undo = {fmt::format("{} CONNECTION LIMIT {}", target, limit)},
      .note = "A pooler that shares connections is the better way where there are many clients."};
}

void add_limit(std::string_view kind, const std::string& name, std::int32_t limit,
               std::int64_t used, Sink& out) {
  if (limit <= 0 || static_cast<double>(used) <= limit * kLimitShare) return;
  std::string upper = kind == "role" ? "ROLE" : "DATABASE";
  out.add(
      {.object = fmt::format("{} {}", kind, name),
       .message = fmt::format("{} of {} connections allowed to {} are taken", used, limit, name),
       .evidence = Json{{kind == "role" ? "role" : "database", name},
                        {"connections", used},
                        {"limit", limit}},
       .fix = raise_limit(upper, name, limit)});
}

void role_limit_saturation(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const catalog::Role& role : db.roles) {
    if (!role.superuser) add_limit("role", role.name, role.connection_limit, role.sessions, out);
  }
}

void database_limit_saturation(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  for (const catalog::Database& each : db.databases) {
    add_limit("database", each.name, each.connection_limit, each.backends, out);
  }
}

void superuser_reserved_zero(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::Setting* const setting = look_at(db, "superuser_reserved_connections", out);
  if (setting == nullptr || setting->value != "0") return;
  out.add(setting_finding(db, setting->name, "no connection is kept for the administrator",
                          set_server(db, setting->name, "3")));
}

void max_connections_high(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (look_at(db, "max_connections", out) == nullptr) return;
  const double connections = catalog::setting_number(db, "max_connections").value_or(0);
  if (connections <= kConnectionsHigh) return;
  if (!db.outside.host || db.outside.host->cores <= 0) {
    out.skip("the number of cores of the server's machine is not known");
    return;
  }
  const std::int32_t cores = db.outside.host->cores;
  if (connections <= kConnectionsPerCore * cores) return;
  Finding finding =
      setting_finding(db, "max_connections",
                      fmt::format("{} connections are allowed on {} cores", connections, cores),
                      Fix{.safety = Safety::manual,
                          .phase = Phase::settings,
                          .note = "Lowering it alone turns clients away: put a pooler in front "
                                  "first, then set about 100 and restart."});
  finding.evidence.set("cores", cores);
  out.add(std::move(finding));
}

/// Seconds since the counters of that database count.
double age_of_counters(const Snapshot& db, const catalog::Database& database) {
  return db.server.now - std::max(db.server.stats_since, database.stats_reset);
}

void connection_churn(const Snapshot& db, const Limits& limits, Sink& out) {
  for (const catalog::Database& each : db.databases) {
    const double age = age_of_counters(db, each);
    if (each.sessions < kSessionsMin || age < seconds_of(limits.counters_age) || age <= 0) continue;
    const double per_second = static_cast<double>(each.sessions) / age;
    const double average_s = each.session_time_s / static_cast<double>(each.sessions);
    const bool is_short = average_s < kShortSession_s && per_second > kShortSessionsPerSecond;
    if (per_second <= kNewSessionsPerSecond && !is_short) continue;
    out.add(
        {.object = fmt::format("database {}", each.name),
         .message = fmt::format("{:.1f} new sessions a second, each open for {} on average",
                                per_second, human_seconds(average_s)),
         .evidence = Json{{"database", each.name},
                          {"sessions", each.sessions},
                          {"session_time_s", whole(each.session_time_s)},
                          {"counters_age_s", whole(age)}},
         .fix = Fix{
             .safety = Safety::manual,
             .phase = Phase::settings,
             .note =
                 "The clients open the sessions: let them keep connections, in their own pool or "
                 "through a pooler; no statement of the server can."}});
  }
}

void sessions_abandoned(const Snapshot& db, const Limits& limits, Sink& out) {
  for (const catalog::Database& each : db.databases) {
    const double age = age_of_counters(db, each);
    if (each.sessions < kSessionsMin || age < seconds_of(limits.counters_age)) continue;
    const std::int64_t lost = each.sessions_abandoned + each.sessions_fatal + each.sessions_killed;
    const double share = static_cast<double>(lost) / static_cast<double>(each.sessions);
    if (share <= kAbandonedShare) continue;
    out.add(
        {.object = fmt::format("database {}", each.name),
         .message = fmt::format("{} of {} sessions did not end properly", human_percent(share),
                                human_count(each.sessions)),
         .evidence = Json{{"database", each.name},
                          {"sessions", each.sessions},
                          {"abandoned", each.sessions_abandoned},
                          {"fatal", each.sessions_fatal},
                          {"killed", each.sessions_killed},
                          {"counters_age_s", whole(age)}},
         .fix = Fix{
             .safety = Safety::manual,
             .phase = Phase::settings,
             .note =
                 "Clients that vanish, errors that end a session, or somebody who ends them: the "
                 "server's log with log_disconnections tells which; no statement mends a "
                 "client."}});
  }
}

constexpr Rule kConnectionRules[] = {
    {.id = "connection-saturation",
     .title = "Most connections are taken",
     .why = "The next client is turned away with \"too many clients already\".",
     .how = "A pooler in front; then find who holds idle connections.",
     .source = "PostgreSQL manual, runtime-config-connection: max_connections; pgMonitor",
     .severity = Severity::warning,
     .area = Area::connections,
     .needs = Facts::settings,
     .judge = connection_saturation},
    {.id = "role-limit-saturation",
     .title = "A role has used most of its connection limit",
     .why = "The service that logs in with it is turned away while the server has room.",
     .how = "Raise the limit, or share connections through a pooler.",
     .source = "PostgreSQL manual, sql-createrole: CONNECTION LIMIT",
     .severity = Severity::warning,
     .area = Area::connections,
     .needs = Facts::roles,
     .judge = role_limit_saturation},
    {.id = "database-limit-saturation",
     .title = "A database has used most of its connection limit",
     .why = "Clients of this database are turned away while the server has room.",
     .how = "Raise the limit, or share connections through a pooler.",
     .source = "PostgreSQL manual, sql-alterdatabase: CONNECTION LIMIT",
     .severity = Severity::warning,
     .area = Area::connections,
     .needs = Facts::databases,
     .judge = database_limit_saturation},
    {.id = "superuser-reserved-zero",
     .title = "No connection is reserved for superusers",
     .why = "When the application has taken every connection, the administrator cannot get in to "
            "help.",
     .how = "superuser_reserved_connections = 3.",
     .source = "PostgreSQL manual, runtime-config-connection: superuser_reserved_connections",
     .severity = Severity::error,
     .area = Area::connections,
     .needs = Facts::settings,
     .judge = superuser_reserved_zero},
    {.id = "max-connections-high",
     .title = "max_connections is high for this machine",
     .why = "Hundreds of sessions that work at once wait for each other and run the machine out of "
            "memory.",
     .how = "A pooler in front, and about 100 connections.",
     .source = "PostgreSQL manual, runtime-config-connection: max_connections; postgresqltuner",
     .severity = Severity::warning,
     .area = Area::connections,
     .needs = Facts::settings,
     .judge = max_connections_high},
    {.id = "connection-churn",
     .title = "Sessions are opened and closed all the time",
     .why =
         "A process is made and a login is done for each: that costs more than the queries in it.",
     .how = "Keep connections open in the application, or through a pooler.",
     .source = "PostgreSQL manual, monitoring-stats: pg_stat_database; postgresqltuner",
     .severity = Severity::warning,
     .area = Area::connections,
     .counts_rates = true,
     .needs = Facts::databases,
     .version_min = 14,
     .judge = connection_churn},
    {.id = "sessions-abandoned",
     .title = "Many sessions do not end properly",
     .why = "Lost clients leave transactions and locks behind until the server notices.",
     .how = "Find the client by log_disconnections; set client_connection_check_interval.",
     .source = "PostgreSQL manual, monitoring-stats: pg_stat_database",
     .severity = Severity::warning,
     .area = Area::connections,
     .counts_rates = true,
     .needs = Facts::databases,
     .version_min = 14,
     .judge = sessions_abandoned},
};

} // namespace

const std::span<const Rule> connection_rules{kConnectionRules};

} // namespace pgkeep::audit
