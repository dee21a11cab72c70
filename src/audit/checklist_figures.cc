#include "audit/checklist_figures.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_set>

#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"

namespace pgkeep::audit {
namespace {

using catalog::Facts;
using catalog::Snapshot;
using findings::Answer;

constexpr double kHour = 3'600;
constexpr double kFullBackupAgeMax_s = 24 * kHour; ///< "Backups daily".
constexpr double kDrillAgeMax_s = 30 * 24 * kHour; ///< "Drills monthly".

std::string plural(std::int64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", base::human_count(count), count == 1 ? one : many);
}

std::string human_seconds(double seconds) {
  return base::human_duration(
      std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(seconds)));
}

bool has_part(std::string_view text, std::span<const std::string_view> parts) {
  return std::ranges::any_of(
      parts, [&](std::string_view part) { return base::contains_ignoring_case(text, part); });
}

bool is_client(const catalog::Session& session) {
  return session.backend_type == "client backend" && !session.is_own;
}

std::int64_t tables_of(const Snapshot& db) {
  return std::ranges::count_if(db.relations, [](const catalog::Relation& relation) {
    return relation.is_table() && !relation.is_partition;
  });
}

std::int64_t constraints_of(const Snapshot& db, std::string_view type) {
  return std::ranges::count_if(db.constraints, [&](const catalog::Constraint& each) {
    return each.type == type && !each.is_inherited;
  });
}

Look could_not(std::string reason) {
  return {.answer = Answer::could_not_look, .figures = std::move(reason)};
}

constexpr auto kExporters = std::to_array<std::string_view>(
    {"postgres_exporter", "pg_exporter", "telegraf", "datadog", "pgwatch", "pganalyze", "zabbix",
     "pgmonitor", "newrelic", "netdata", "percona", "pmm", "pgkeep watch"});

/// Programs that watch, by what their sessions tell: "postgres_exporter as monitor".
std::vector<std::string> watchers(const Snapshot& db) {
  std::map<std::string, std::int64_t> seen;
  for (const catalog::Session& session : db.sessions) {
    if (!is_client(session)) continue;
    const catalog::Role* const role = db.role(session.user);
    const bool only_watches = role != nullptr && !role->superuser &&
                              db.is_member(session.user, "pg_monitor") &&
                              session.user != "pg_monitor";
    if (!only_watches && !has_part(session.application_name, kExporters)) continue;
    const std::string program =
        session.application_name.empty() ? "a session" : base::printable(session.application_name);
    ++seen[fmt::format("{} as {}", program, base::printable(session.user))];
  }
  std::vector<std::string> names;
  names.reserve(seen.size());
  for (const auto& [name, count] : seen)
    names.push_back(count == 1 ? name : fmt::format("{} ({} sessions)", name, count));
  return names;
}

} // namespace

Look look_at_migrations(const Snapshot& db) {
  if (!db.outside.repository) return could_not(db.why_absent(Facts::repository));
  const catalog::CodeRepository& code = *db.outside.repository;
  const auto count = static_cast<std::int64_t>(code.migrations.size());
  if (count == 0) {
    return {.answer = Answer::failed,
            .figures = fmt::format("no migration among {} of {}",
                                   plural(code.files_read, "file", "files"), code.path)};
  }
  const auto lacks = [](const catalog::MigrationFile& file) { return !file.has_down; };
  const std::int64_t without = std::ranges::count_if(code.migrations, lacks);
  if (without > 0) {
    return {.answer = Answer::failed,
            .figures = fmt::format("{} of {} have no way back, first {}", without,
                                   plural(count, "migration", "migrations"),
                                   std::ranges::find_if(code.migrations, lacks)->path)};
  }
  const std::string all =
      fmt::format("{}, each with its way back", plural(count, "migration", "migrations"));
  if (!code.is_version_controlled) {
    return {.answer = Answer::failed,
            .figures = fmt::format("{}, but {} is not under version control", all, code.path)};
  }
  return {.answer = Answer::passed, .figures = all + ", under version control"};
}

Look look_at_backups(const Snapshot& db) {
  if (!db.outside.backups) return could_not(db.why_absent(Facts::backups));
  const catalog::BackupState& backups = *db.outside.backups;
  if (backups.newest_full <= 0) {
    return {.answer = Answer::failed,
            .figures = fmt::format("no full backup in {}", backups.repository)};
  }
  const double now = db.outside.clock.value_or(db.server.now);
  const double full_age = now - backups.newest_full;
  const double drill_age = now - backups.newest_drill;
  const bool is_drilled = backups.newest_drill > 0;
  const std::string drill =
      is_drilled ? fmt::format("the last restore test {} ago", human_seconds(drill_age))
                 : std::string("never a restore test");
  Look look{.figures =
                fmt::format("newest full backup {} old, {}", human_seconds(full_age), drill)};
  if (full_age > kFullBackupAgeMax_s || !is_drilled || drill_age > kDrillAgeMax_s)
    look.answer = Answer::failed;
  return look;
}

Look look_at_alerts(const Snapshot& db) {
  Look look = look_at_monitoring(db);
  // That something watches is to be seen here; whom it wakes is not.
  if (look.answer == Answer::passed) {
    look.answer = Answer::could_not_look;
    look.figures += "; whether it alerts is not in the catalog";
  }
  return look;
}

Look look_at_monitoring(const Snapshot& db) {
  if (!catalog::has(db.present, Facts::activity)) return could_not(db.why_absent(Facts::activity));
  const std::vector<std::string> names = watchers(db);
  if (names.empty()) {
    return could_not("no session of a known exporter or of a role in pg_monitor now: one that "
                     "connects for each reading is missed");
  }
  return {.answer = Answer::passed, .figures = "connected: " + base::join(names, ", ")};
}

Look look_at_pooler(const Snapshot& db) {
  if (db.outside.pooler) {
    std::int64_t waiting = 0;
    for (const catalog::PoolerPool& pool : db.outside.pooler->pools)
      waiting += pool.clients_waiting;
    return {.figures =
                fmt::format("{} pools at {}, {} waiting", db.outside.pooler->pools.size(),
                            db.outside.pooler->address, plural(waiting, "client", "clients"))};
  }
  constexpr auto kPoolers = std::to_array<std::string_view>(
      {"pgbouncer", "pgcat", "odyssey", "pgpool", "supavisor", "pgkeep-pool"});
  std::int64_t clients = 0;
  std::int64_t pooled = 0;
  std::string pooler;
  for (const catalog::Session& session : db.sessions) {
    if (!is_client(session)) continue;
    ++clients;
    if (!has_part(session.application_name, kPoolers)) continue;
    ++pooled;
    pooler = base::printable(session.application_name);
  }
  if (pooled > 0) {
    return {.figures = fmt::format("{} of {} client sessions are {}'s", pooled, clients, pooler)};
  }
  // Most poolers pass their clients' names on: not seen is not absent.
  return could_not(fmt::format("{} and none names a pooler, which may pass its clients' names on",
                               plural(clients, "session", "sessions")));
}

Look look_at_secrets(const Snapshot& db) {
  if (!db.outside.repository) return {};
  return {.figures = fmt::format("none in {} of {}, none in {}",
                                 plural(db.outside.repository->files_read, "file", "files"),
                                 db.outside.repository->path,
                                 plural(static_cast<std::int64_t>(db.functions.size()),
                                        "function of the database", "functions of the database"))};
}

Look look_at_roles(const Snapshot& db) {
  std::int64_t logins = 0;
  std::int64_t superusers = 0;
  for (const catalog::Role& role : db.roles) {
    logins += role.can_login && !role.superuser ? 1 : 0;
    superusers += role.can_login && role.superuser ? 1 : 0;
  }
  const auto sessions = std::ranges::count_if(db.sessions, is_client);
  Look look{.figures = fmt::format("{}, {}, {}",
                                   plural(logins, "ordinary login role", "ordinary login roles"),
                                   plural(superusers, "superuser", "superusers"),
                                   plural(sessions, "session", "sessions"))};
  // Without one, nothing but superusers could ever connect: no service has a role yet.
  if (logins == 0) look.answer = Answer::could_not_look;
  return look;
}

Look look_at_timeouts(const Snapshot& db) {
  constexpr std::string_view kName = "statement_timeout";
  // Roles without a setting of their own share one look: there may be ten thousand.
  std::unordered_set<std::string_view> own;
  for (const catalog::RoleSetting& each : db.role_settings) {
    if (!each.role.empty() && each.name == kName) own.insert(each.role);
  }
  const double common = catalog::effective_number(db, "", kName).value_or(0);
  std::int64_t logins = 0;
  std::int64_t limited = 0;
  for (const catalog::Role& role : db.roles) {
    if (!role.can_login || role.superuser) continue;
    ++logins;
    const double limit = own.contains(role.name)
                             ? catalog::effective_number(db, role.name, kName).value_or(0)
                             : common;
    limited += limit > 0 ? 1 : 0;
  }
  if (logins == 0) return could_not("no role but superusers logs in");
  return {.figures =
              fmt::format("{} of {} have a statement_timeout; migrations and backups need none",
                          limited, plural(logins, "ordinary login role", "ordinary login roles"))};
}

Look look_at_foreign_keys(const Snapshot& db) {
  return {.figures = fmt::format("{} in {}",
                                 plural(constraints_of(db, "f"), "foreign key", "foreign keys"),
                                 plural(tables_of(db), "table", "tables"))};
}

Look look_at_plans(const Snapshot& db) {
  const std::string seen =
      catalog::has(db.present, Facts::statements)
          ? fmt::format("; pg_stat_statements holds {}",
                        plural(db.statements_info.entries, "statement", "statements"))
          : std::string();
  return could_not("no plans are stored yet" + seen);
}

Look look_at_parameters(const Snapshot& db) {
  if (!db.outside.repository) return could_not(db.why_absent(Facts::repository));
  const catalog::CodeRepository& code = *db.outside.repository;
  if (!code.unparameterised.empty()) {
    const catalog::UnparameterisedQuery& first = code.unparameterised.front();
    return {.answer = Answer::failed,
            .figures = fmt::format("{} built from values, first {}:{}",
                                   plural(static_cast<std::int64_t>(code.unparameterised.size()),
                                          "query is", "queries are"),
                                   first.path, first.line)};
  }
  if (code.files_read == 0) return could_not("no file was read in " + code.path);
  return {.answer = Answer::passed,
          .figures = fmt::format("no query is built from values in {}; traffic was not looked at",
                                 plural(code.files_read, "file", "files"))};
}

Look look_at_index_proof(const Snapshot& db) {
  return could_not(fmt::format(
      "{}, none of them wrong by itself; no plans are stored yet that would say why each is there",
      plural(static_cast<std::int64_t>(db.indexes.size()), "index", "indexes")));
}

Look look_at_tls(const Snapshot& db) {
  std::int64_t remote = 0;
  std::int64_t encrypted = 0;
  for (const catalog::Session& session : db.sessions) {
    if (!is_client(session) || !session.is_remote) continue;
    ++remote;
    encrypted += session.uses_tls ? 1 : 0;
  }
  return {.figures = fmt::format("ssl is {} from {} on, {} of {} encrypted",
                                 catalog::setting_text(db, "ssl"),
                                 catalog::setting_text(db, "ssl_min_protocol_version"), encrypted,
                                 plural(remote, "remote session", "remote sessions"))};
}

Look look_at_extensions(const Snapshot& db) {
  if (!catalog::has(db.present, Facts::extensions))
    return could_not(db.why_absent(Facts::extensions));
  std::vector<std::string> names;
  for (const catalog::Extension& each : db.extensions) {
    if (each.name != "plpgsql") names.push_back(fmt::format("{} {}", each.name, each.version));
  }
  if (names.empty()) {
    return {.answer = Answer::passed,
            .figures = fmt::format("0 extensions beside plpgsql, of {}", db.extensions.size())};
  }
  return could_not(
      fmt::format("{} installed ({}); migrations are not read for their versions yet",
                  plural(static_cast<std::int64_t>(names.size()), "extension is", "extensions are"),
                  base::ellipsize(base::join(names, ", "), 80)));
}

Look look_at_constraints(const Snapshot& db) {
  const auto not_null = std::ranges::count_if(
      db.columns, [](const catalog::Column& column) { return column.not_null; });
  return {.figures = fmt::format(
              "{}: {} primary keys, {} unique, {} checks, {} exclusions, {} of {} columns NOT NULL",
              plural(tables_of(db), "table", "tables"), constraints_of(db, "p"),
              constraints_of(db, "u"), constraints_of(db, "c"), constraints_of(db, "x"), not_null,
              db.columns.size())};
}

Look look_at_query_paths(const Snapshot& db) {
  return {.figures = fmt::format(
              "{} on {}; counters {} old",
              plural(static_cast<std::int64_t>(db.indexes.size()), "index", "indexes"),
              plural(tables_of(db), "table", "tables"), human_seconds(db.counters_age_s()))};
}

Look look_at_transactions(const Snapshot& db) {
  std::int64_t open = 0;
  double oldest = 0;
  for (const catalog::Session& session : db.sessions) {
    if (!is_client(session) || session.xact_age_s < 0) continue;
    ++open;
    oldest = std::max(oldest, session.xact_age_s);
  }
  return {.figures = open == 0 ? std::string("0 transactions open now")
                               : fmt::format("{} open now, the oldest {}",
                                             plural(open, "transaction", "transactions"),
                                             human_seconds(oldest))};
}

} // namespace pgkeep::audit
