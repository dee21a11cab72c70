// The pooler: whether there should be one, and whether the one there suits what the sessions do.
#include <algorithm>
#include <array>

#include "audit/families.h"
#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {
namespace {

constexpr std::int64_t kSessionsMany = 100;
constexpr double kIdleShare = 0.8;
constexpr double kWaitWarning_s = 10; ///< check_postgres, pgMonitor.
constexpr double kWaitError_s = 60;
constexpr std::size_t kExamples = 10;

constexpr auto kPoolers = std::to_array<std::string_view>(
    {"pgbouncer", "pgcat", "odyssey", "pgpool", "supavisor", "pgkeep-pool"});

bool is_pooler(const catalog::Session& session) {
  return std::ranges::any_of(kPoolers, [&](std::string_view name) {
    return base::contains_ignoring_case(session.application_name, name);
  });
}

void pooler_missing(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (db.outside.pooler) return;
  std::int64_t clients = 0;
  std::int64_t idle = 0;
  for (const catalog::Session& each : db.sessions) {
    if (each.is_own || each.backend_type != "client backend") continue;
    if (is_pooler(each)) return;
    ++clients;
    if (each.state == "idle") ++idle;
  }
  const double share = clients > 0 ? static_cast<double>(idle) / static_cast<double>(clients) : 0;
  if (clients <= kSessionsMany || share <= kIdleShare) return;
  out.add({.message = fmt::format("{} of {} sessions do nothing ({}) and no pooler is in front",
                                  idle, clients, human_percent(share)),
           .evidence = Json{{"sessions", clients}, {"idle", idle}},
           .fix = Fix{.safety = Safety::manual,
                      .phase = Phase::settings,
                      .note = "A pooler is a program between the clients and the server, which no "
                              "statement starts: "
                              "let the clients connect to one in transaction mode with a few dozen "
                              "connections."}});
}

/// What a session keeps beyond a transaction, by the text that makes it. Texts are normalised by
/// the server: lower case only where the application wrote it so.
struct SessionFeature {
  std::string_view part;
  std::string_view what;
};
constexpr auto kSessionFeatures = std::to_array<SessionFeature>({
    {"pg_advisory_lock", "session advisory locks"},
    {"pg_try_advisory_lock", "session advisory locks"},
    {"listen ", "LISTEN"},
    {"with hold", "cursors WITH HOLD"},
    {"create temp", "temporary tables"},
    {"prepare ", "PREPARE"},
    {"set session ", "SET SESSION"},
});

/// Commands must stand at the beginning ("LISTEN x"), functions and options anywhere.
std::string_view feature_of(std::string_view query) {
  const std::string text = base::to_lower(base::trim(query));
  for (const SessionFeature& each : kSessionFeatures) {
    const bool is_command = each.part.ends_with(' ') || each.part.starts_with("create");
    if (is_command ? text.starts_with(each.part) : text.find(each.part) != std::string::npos) {
      // CREATE TEMP TABLE ... ON COMMIT DROP ends with its transaction; PREPARE TRANSACTION is no
      // PREPARE.
      if (text.find("on commit drop") != std::string::npos ||
          text.starts_with("prepare transaction"))
        continue;
      return each.what;
    }
  }
  return {};
}

void pooler_mode_unsafe(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (!db.outside.pooler) return;
  Json examples(Json::Array{});
  std::size_t found = 0;
  for (const catalog::Statement& each : db.statements) {
    const std::string_view feature = feature_of(each.query);
    if (feature.empty() || ++found > kExamples) continue;
    examples.push(
        Json{{"uses", feature}, {"query", each.query}, {"user", each.user}, {"calls", each.calls}});
  }
  if (found == 0) return;
  for (const catalog::PoolerPool& pool : db.outside.pooler->pools) {
    if (pool.mode == "session" || pool.database != db.server.database) continue;
    out.add(
        {.object = fmt::format("pool {}/{}", pool.database, pool.user),
         .message = fmt::format(
             "the pool is in {} mode and {} kinds of statement need a session of their own",
             pool.mode, found),
         .evidence = Json{{"mode", pool.mode}, {"statements", examples}},
         .fix = Fix{
             .safety = Safety::manual,
             .phase = Phase::settings,
             .note =
                 "The mode stands in the pooler's configuration, and the statements in the "
                 "application: give these clients a pool in session mode, or use transaction-level "
                 "forms (pg_advisory_xact_lock, SET LOCAL, ON COMMIT DROP)."}});
  }
}

void pooler_waiting(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (!db.outside.pooler) return;
  for (const catalog::PoolerPool& pool : db.outside.pooler->pools) {
    if (pool.clients_waiting <= 0 || pool.max_wait_s <= kWaitWarning_s) continue;
    out.add(
        {.severity = pool.max_wait_s > kWaitError_s ? Severity::error : Severity::warning,
         .object = fmt::format("pool {}/{}", pool.database, pool.user),
         .message = fmt::format("{} clients wait for a connection, the longest for {}",
                                pool.clients_waiting, human_seconds(pool.max_wait_s)),
         .evidence =
             Json{{"clients_waiting", pool.clients_waiting}, {"max_wait_s", pool.max_wait_s}},
         .fix = Fix{
             .safety = Safety::manual,
             .phase = Phase::settings,
             .note =
                 "The size of the pool stands in the pooler's configuration: look for long or idle "
                 "transactions first, they hold its connections; then raise it."}});
  }
}

constexpr Rule kPoolerRules[] = {
    {.id = "pooler-missing",
     .title = "Many idle connections and no pooler",
     .why = "Each idle session costs memory and makes every snapshot slower; the next deployment "
            "runs into max_connections.",
     .how = "Put a pooler in transaction mode between the application and the server.",
     .source =
         "PostgreSQL manual, runtime-config-connection: max_connections; PgBouncer documentation",
     .severity = Severity::warning,
     .area = Area::connections,
     .needs = Facts::activity | Facts::activity_of_others,
     .judge = pooler_missing},
    {.id = "pooler-mode-unsafe",
     .title = "Statements that need a session go through a transaction pool",
     .why = "A lock or a LISTEN stays on a connection that the next client gets: jobs run twice or "
            "not at all.",
     .how = "Transaction-level forms of these statements, or a pool in session mode for these "
            "clients.",
     .source = "PgBouncer documentation, features: SQL feature map for pooling modes",
     .severity = Severity::warning,
     .area = Area::connections,
     .needs = Facts::pooler | Facts::statements,
     .judge = pooler_mode_unsafe},
    {.id = "pooler-waiting",
     .title = "Clients wait in the pooler",
     .why = "Requests stand in a queue that the database does not see: the site is slow and the "
            "server looks idle.",
     .how = "Shorter transactions first, then a larger pool.",
     .source = "PgBouncer documentation, usage: SHOW POOLS; check_postgres",
     .severity = Severity::warning,
     .area = Area::connections,
     .needs = Facts::pooler,
     .judge = pooler_waiting},
};

} // namespace

const std::span<const Rule> pooler_rules{kPoolerRules};

} // namespace pgkeep::audit
