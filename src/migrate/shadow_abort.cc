// Without a trace: triggers first, for the table is the application's; the rest is ours alone.
#include <fmt/format.h>

#include "base/text.h"
#include "migrate/shadow.h"
#include "migrate/shadow_run.h"
#include "postgres/quote.h"

namespace pgkeep::migrate {
namespace {

/// Tables with a log: oid, schema, name, what drops the copies of materialized views. A swap drops
/// the log.
constexpr std::string_view kBegun = R"(
SELECT c.oid, n.nspname, c.relname,
       (SELECT 'DROP MATERIALIZED VIEW ' || string_agg(format('pgkeep.%I', m.relname), ', ') || '; '
          FROM pg_class m WHERE m.relnamespace = l.relnamespace AND m.relkind = 'm'
           AND m.relname ~ ('^shadow_' || c.oid || '_mv_[0-9]+$'))
  FROM pg_class l
  JOIN pg_class c ON c.oid = substr(l.relname, length('shadow_log_') + 1)::oid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE l.relnamespace = to_regnamespace('pgkeep') AND l.relkind = 'r'
   AND l.relname ~ '^shadow_log_[0-9]+$'
 ORDER BY 1)";

constexpr std::string_view kKept = R"(
SELECT c.oid, n.nspname, c.relname, format('%I.%I', n.nspname, c.relname)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'pgkeep' AND c.relkind = 'r' AND c.relname ~ ('^old_.*_' || c.oid || '$')
 ORDER BY 1)";

/// Logs and shadows whose table is gone.
constexpr std::string_view kOrphans = R"(
SELECT coalesce((SELECT 'DROP MATERIALIZED VIEW '
                        || string_agg(format('pgkeep.%I', m.relname), ', ') || '; '
                   FROM pg_class m WHERE m.relnamespace = l.relnamespace AND m.relkind = 'm'
                    AND m.relname ~ ('^shadow_' || substr(l.relname, length('shadow_log_') + 1)
                                     || '_mv_[0-9]+$')), '') ||
       format('DROP TABLE IF EXISTS pgkeep.shadow_%s; DROP TABLE pgkeep.%I; DROP FUNCTION IF EXISTS '
              'pgkeep.%I()', substr(l.relname, length('shadow_log_') + 1), l.relname, l.relname)
  FROM pg_class l
 WHERE l.relnamespace = to_regnamespace('pgkeep') AND l.relkind = 'r'
   AND l.relname ~ '^shadow_log_[0-9]+$'
   AND NOT EXISTS (SELECT FROM pg_class c
                    WHERE c.oid = substr(l.relname, length('shadow_log_') + 1)::oid))";

/// Runs it in a transaction until its locks were had.
base::Result<> run_politely(Servers& servers, const Patience& patience,
                            const std::function<void(Event)>& tell, const std::string& sql,
                            const lint::RelationName& relation) {
  StepStatement aim;
  aim.locks.push_back({.relation = relation, .mode = lint::LockMode::access_exclusive});
  Gate gate(servers, patience, tell);
  PGKEEP_CHECK(gate.aim_at({&aim, 1}));
  while (true) {
    PGKEEP_CHECK(gate.wait_outside());
    const auto done = servers.work.execute(fmt::format(
        "BEGIN; SET LOCAL lock_timeout = {}; {}; COMMIT", patience.lock_try.count(), sql));
    if (done) return {};
    if (servers.work.is_in_transaction()) PGKEEP_CHECK(servers.work.execute("ROLLBACK"));
    if (!is_lock_error(done.error())) return done.error();
    PGKEEP_CHECK(gate.pause());
  }
}

} // namespace

base::Result<std::vector<std::string>> abort_shadows(Servers& servers, const Patience& patience,
                                                     const std::function<void(Event)>& tell) {
  std::vector<std::string> names;
  PGKEEP_TRY(const postgres::Rows rows, servers.eyes.query(std::string(kBegun)));
  for (int row = 0; row < rows.count(); ++row) {
    const ShadowNames shadow{.oid = std::stoll(std::string(rows.text(row, 0))),
                             .schema = std::string(rows.text(row, 1)),
                             .name = std::string(rows.text(row, 2))};
    // The step's record goes in the same transaction: there is both, or nothing.
    const std::string sql = fmt::format(
        "DROP TRIGGER IF EXISTS {1} ON {0}; DROP TRIGGER IF EXISTS {2} ON {0}; {6}DROP TABLE IF "
        "EXISTS {3}; DROP TABLE {4}; DROP FUNCTION IF EXISTS {4}(); UPDATE "
        "pgkeep.schema_migration_steps SET state = 'pending', position = NULL, rows = 0 WHERE kind "
        "= 'shadow' AND state = 'running' AND position->>'oid' = '{5}'",
        shadow.table(), shadow.trigger(), shadow.truncate_trigger(), shadow.shadow(), shadow.log(),
        shadow.oid, rows.is_null(row, 3) ? "" : rows.text(row, 3));
    PGKEEP_CHECK(
        run_politely(servers, patience, tell, sql, {.schema = shadow.schema, .name = shadow.name}));
    names.push_back(shadow.table());
  }
  PGKEEP_TRY(const auto orphans, texts_of(servers.eyes, std::string(kOrphans), {}));
  for (const std::string& sql : orphans)
    PGKEEP_CHECK(servers.work.execute("BEGIN; " + sql + "; COMMIT"));
  return names;
}

base::Result<std::vector<std::string>> drop_kept(Servers& servers, const Patience& patience,
                                                 const std::function<void(Event)>& tell) {
  std::vector<std::string> names;
  PGKEEP_TRY(const postgres::Rows rows, servers.eyes.query(std::string(kKept)));
  for (int row = 0; row < rows.count(); ++row) {
    names.emplace_back(rows.text(row, 3));
    PGKEEP_CHECK(run_politely(
        servers, patience, tell, "DROP TABLE " + names.back(),
        {.schema = std::string(rows.text(row, 1)), .name = std::string(rows.text(row, 2))}));
  }
  return names;
}

} // namespace pgkeep::migrate
