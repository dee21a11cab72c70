// Time limits by role: what a new session of each login role gets, and what a dead client costs.
//
// Who is judged: login roles that are neither superuser nor replication. Migrations and dumps are
// exempt from statement_timeout by design (their statements take as long as the data is big);
// dumps from the idle limit too, for parallel workers wait inside one transaction.
#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "audit/families.h"
#include "audit/rules/server_settings.h"

namespace pgkeep::audit {
namespace {

constexpr double kKeepaliveLong = 7200; ///< Seconds: the kernel's default.

enum class Purpose : std::uint8_t { service, migration, backup };

bool names_one_of(std::string_view name, std::span<const std::string_view> words) {
  return std::ranges::any_of(
      words, [&](std::string_view word) { return base::contains_ignoring_case(name, word); });
}
constexpr auto kMigrationWords = std::to_array<std::string_view>({"migrat", "flyway", "liquibase"});
constexpr auto kBackupWords =
    std::to_array<std::string_view>({"backup", "barman", "pgbackrest", "wal-g", "pg_dump"});

/// Effective values of one setting by role. Roles without a setting of their own share one lookup:
/// ten thousand roles are looked at once each.
class RoleValues {
public:
  RoleValues(const Snapshot& db, std::string_view setting) : db_(&db), setting_(setting) {
    for (const catalog::RoleSetting& each : db.role_settings) {
      if (!each.role.empty() && each.name == setting) own_.insert(each.role);
    }
    common_ = catalog::effective_number(db, "", setting);
  }
  /// In base units; nullopt where the value cannot be read.
  [[nodiscard]] std::optional<double> of(const std::string& role) const {
    return own_.contains(role) ? catalog::effective_number(*db_, role, setting_) : common_;
  }

private:
  const Snapshot* db_; ///< Outlives this: both live in one judge.
  std::string_view setting_;
  std::unordered_set<std::string_view> own_;
  std::optional<double> common_;
};

/// What each login role is for, by its settings, memberships and name.
class Purposes {
public:
  explicit Purposes(const Snapshot& db) {
    for (const catalog::RoleSetting& each : db.role_settings) {
      if (each.name == "role" && !each.role.empty()) acts_as_other_.insert(each.role);
    }
    for (const catalog::Membership& each : db.memberships) {
      Groups& groups = groups_[each.member];
      ++groups.count;
      if (each.role == "pg_read_all_data") groups.reads_all = true;
    }
  }
  [[nodiscard]] Purpose of(const catalog::Role& role) const {
    if (acts_as_other_.contains(role.name) || names_one_of(role.name, kMigrationWords)) {
      return Purpose::migration;
    }
    const auto found = groups_.find(role.name);
    const bool only_reads_all =
        found != groups_.end() && found->second.count == 1 && found->second.reads_all;
    if (only_reads_all || names_one_of(role.name, kBackupWords)) return Purpose::backup;
    return Purpose::service;
  }
  [[nodiscard]] bool acts_as_other(const catalog::Role& role) const {
    return acts_as_other_.contains(role.name);
  }

private:
  struct Groups {
    int count = 0;
    bool reads_all = false;
  };
  std::unordered_set<std::string_view> acts_as_other_;
  std::unordered_map<std::string_view, Groups> groups_;
};

bool is_judged(const catalog::Role& role) {
  // A managed host's own roles cannot be changed by its customers.
  constexpr auto kHostRoles =
      std::to_array<std::string_view>({"rds", "cloudsql", "azure", "alloydb"});
  return role.can_login && !role.superuser && !role.replication &&
         std::ranges::none_of(
             kHostRoles, [&](std::string_view prefix) { return role.name.starts_with(prefix); });
}

Finding role_finding(const catalog::Role& role, std::string_view setting, std::string message,
                     std::string_view value) {
  return {.object = fmt::format("role {}", role.name),
          .message = std::move(message),
          .evidence = Json{{"role", role.name},
                           {"setting", setting},
                           {"effective", "0"},
                           {"sessions", role.sessions}},
          .fix = alter_role_set(role.name, setting, value)};
}

void statement_timeout_none(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (look_at(db, "statement_timeout", out) == nullptr) return;
  const RoleValues values(db, "statement_timeout");
  const Purposes purposes(db);
  for (const catalog::Role& role : db.roles) {
    if (!is_judged(role) || purposes.of(role) != Purpose::service || values.of(role.name) != 0)
      continue;
    out.add(role_finding(role, "statement_timeout",
                         fmt::format("a statement of {} may run for ever", role.name), "30s"));
  }
}

void idle_in_transaction_timeout_none(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  constexpr std::string_view kName = "idle_in_transaction_session_timeout";
  if (look_at(db, kName, out) == nullptr) return;
  const RoleValues values(db, kName);
  const Purposes purposes(db);
  for (const catalog::Role& role : db.roles) {
    const Purpose purpose = purposes.of(role);
    if (!is_judged(role) || purpose == Purpose::backup || values.of(role.name) != 0) continue;
    out.add(role_finding(
        role, kName,
        fmt::format("a session of {} may sit in an open transaction for ever", role.name),
        purpose == Purpose::migration ? "5min" : "60s"));
  }
}

void lock_timeout_none(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (look_at(db, "lock_timeout", out) == nullptr) return;
  const RoleValues values(db, "lock_timeout");
  const Purposes purposes(db);
  for (const catalog::Role& role : db.roles) {
    const bool changes_schema = role.owns_relations || purposes.acts_as_other(role);
    if (!is_judged(role) || !changes_schema || values.of(role.name) != 0) continue;
    out.add(role_finding(
        role, "lock_timeout",
        fmt::format("{} changes tables and waits for their locks for ever, with every query "
                    "queued behind it",
                    role.name),
        "5s"));
  }
}

/// One finding for all roles: the advice is the same, and a line a role would bury the rest.
void add_common_timeout(const Snapshot& db, std::string_view setting, std::string_view value,
                        std::string_view what, Sink& out) {
  if (look_at(db, setting, out) == nullptr) return;
  const RoleValues values(db, setting);
  const Purposes purposes(db);
  Fix fix{
      .safety = Safety::online,
      .phase = Phase::roles,
      .note =
          "New sessions get it; leave out roles whose sessions a pooler keeps open on purpose."};
  std::vector<std::string> names;
  for (const catalog::Role& role : db.roles) {
    if (!is_judged(role) || purposes.of(role) != Purpose::service || values.of(role.name) != 0)
      continue;
    const Fix one = alter_role_set(role.name, setting, value);
    fix.sql.insert(fix.sql.end(), one.sql.begin(), one.sql.end());
    fix.undo.insert(fix.undo.end(), one.undo.begin(), one.undo.end());
    names.push_back(role.name);
  }
  if (names.empty()) return;
  Finding finding = setting_finding(
      db, setting, fmt::format("{} login roles {}", names.size(), what), std::move(fix));
  finding.evidence.set("roles", Json::list(names));
  out.add(std::move(finding));
}

void idle_session_timeout_none(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  if (db.outside.pooler) return; // A pooler keeps idle sessions on purpose.
  add_common_timeout(db, "idle_session_timeout", "1h",
                     "keep sessions that do nothing for as long as they like", out);
}

void transaction_timeout_none(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  add_common_timeout(db, "transaction_timeout", "5min", "have no limit for a whole transaction",
                     out);
}

void client_check_interval(const Snapshot& db, const Limits& /*limits*/, Sink& out) {
  const catalog::Setting* const check = look_at(db, "client_connection_check_interval", out);
  if (check != nullptr && check->value == "0") {
    out.add(setting_finding(db, check->name, "a query goes on to its end after its client has gone",
                            set_server(db, check->name, "10s")));
  }
  const catalog::Setting* const listen = db.setting("listen_addresses");
  if (listen != nullptr && listen->value.empty()) return; // Unix sockets have no keepalives.
  const catalog::Setting* const keepalive = look_at(db, "tcp_keepalives_idle", out);
  if (keepalive == nullptr) return;
  double idle_s = catalog::setting_number(db, keepalive->name).value_or(0) / 1000;
  const std::int32_t kernel_s = db.outside.host ? db.outside.host->tcp_keepalive_time_s : -1;
  if (idle_s == 0) idle_s = kernel_s > 0 ? kernel_s : kKeepaliveLong;
  if (idle_s < kKeepaliveLong) return;
  Finding finding = setting_finding(
      db, keepalive->name,
      fmt::format("a client that vanished is noticed after {}", human_seconds(idle_s)),
      set_server(db, keepalive->name, "60s"));
  finding.evidence.set("kernel_keepalive_s", kernel_s);
  out.add(std::move(finding));
}

constexpr Rule kTimeoutRules[] = {
    {.id = "statement-timeout-none",
     .title = "A login role has no statement timeout",
     .why = "One forgotten join runs for hours, holds its locks and its memory, and takes the site "
            "with it.",
     .how = "ALTER ROLE ... SET statement_timeout; give migrations and dumps roles of their own.",
     .source = "PostgreSQL manual, runtime-config-client: statement_timeout; PgHero",
     .severity = Severity::warning,
     .area = Area::connections,
     .needs = Facts::settings | Facts::roles,
     .judge = statement_timeout_none},
    {.id = "idle-in-transaction-timeout-none",
     .title = "A login role may stay idle in a transaction without limit",
     .why = "An application that forgot COMMIT keeps its locks, and vacuum cannot remove dead rows "
            "anywhere.",
     .how = "ALTER ROLE ... SET idle_in_transaction_session_timeout.",
     .source = "PostgreSQL manual, runtime-config-client: idle_in_transaction_session_timeout",
     .severity = Severity::warning,
     .area = Area::connections,
     .needs = Facts::settings | Facts::roles,
     .judge = idle_in_transaction_timeout_none},
    {.id = "lock-timeout-none",
     .title = "A role that changes tables waits for locks without limit",
     .why = "An ALTER TABLE that waits behind one long query makes every other query of that table "
            "wait behind it.",
     .how = "ALTER ROLE ... SET lock_timeout for the role that runs migrations.",
     .source = "PostgreSQL manual, runtime-config-client: lock_timeout",
     .severity = Severity::info,
     .area = Area::connections,
     .needs = Facts::settings | Facts::roles,
     .judge = lock_timeout_none},
    {.id = "idle-session-timeout-none",
     .aliases = "idle-session",
     .title = "Idle sessions are kept without limit",
     .why = "Forgotten sessions of people and scripts use up the connections that the application "
            "needs.",
     .how =
         "Set idle_session_timeout for people's roles; not for those that come through a pooler.",
     .source = "PostgreSQL manual, runtime-config-client: idle_session_timeout",
     .severity = Severity::info,
     .area = Area::connections,
     .needs = Facts::settings | Facts::roles,
     .version_min = 14,
     .judge = idle_session_timeout_none},
    {.id = "transaction-timeout-none",
     .aliases = "transaction-timeout",
     .title = "Transactions have no limit as a whole",
     .why = "Many short statements in one transaction hold their locks for as long as one long "
            "statement would.",
     .how = "Set transaction_timeout for the application's roles.",
     .source = "PostgreSQL manual, runtime-config-client: transaction_timeout",
     .severity = Severity::info,
     .area = Area::connections,
     .needs = Facts::settings | Facts::roles,
     .version_min = 17,
     .judge = transaction_timeout_none},
    {.id = "client-check-interval",
     .title = "Clients that are gone are noticed late",
     .why = "Queries, locks and connections of a client that crashed live on for hours.",
     .how = "client_connection_check_interval = 10s and tcp_keepalives_idle = 60s.",
     .source = "PostgreSQL manual, runtime-config-connection",
     .severity = Severity::info,
     .area = Area::connections,
     .needs = Facts::settings,
     .version_min = 14,
     .judge = client_check_interval},
};

} // namespace

const std::span<const Rule> timeout_rules{kTimeoutRules};

} // namespace pgkeep::audit
