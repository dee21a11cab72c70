#include "findings/sample_report_test.h"

#include <algorithm>

namespace pgkeep::findings {
namespace {

using base::Json;

constexpr Rule kRules[] = {
    {.id = "foreign-key-without-index",
     .aliases = "fk-without-index",
     .title = "Foreign key without an index on its own columns",
     .why = "Deleting or re-keying one parent row reads the whole child table while holding locks.",
     .how = "Index the referencing columns, concurrently; leading columns, any order.",
     .source = "PostgreSQL manual, ddl-constraints: Foreign Keys",
     .severity = Severity::warning,
     .area = Area::schema},
    {.id = "no-primary-key",
     .title = "Table without a primary key",
     .why = "One row cannot be told from another: duplicates cannot be removed, and logical "
            "replication refuses updates.",
     .how = "Add an identity column as primary key, or name the columns that are one.",
     .source = "PostgreSQL manual, ddl-constraints: Primary Keys",
     .severity = Severity::warning,
     .area = Area::schema},
    {.id = "constraint-not-valid",
     .title = "Constraint that was never validated",
     .why = "Old rows may break it, and the planner does not trust it.",
     .how = "VALIDATE CONSTRAINT; it reads the table and blocks nobody.",
     .source = "PostgreSQL manual, sql-altertable",
     .area = Area::schema},
    {.id = "money-as-float",
     .title = "Money stored as floating point",
     .why = "0.1 + 0.2 is not 0.3: sums of prices drift by cents.",
     .how = "Change the type to numeric(12,2), or to bigint cents.",
     .source = "PostgreSQL manual, datatype-numeric",
     .severity = Severity::warning,
     .area = Area::types},
    {.id = "timestamp-without-zone",
     .title = "Timestamp without time zone",
     .why = "The moment it means depends on who reads it.",
     .how = "Change the type to timestamptz.",
     .source = "PostgreSQL wiki, Don't Do This",
     .severity = Severity::info,
     .area = Area::types},
    {.id = "duplicate-index",
     .aliases = "index-duplicate",
     .title = "Two indexes on the same columns",
     .why = "Every write pays twice, and the disk holds both.",
     .how = "Drop the younger one, concurrently.",
     .source = "PostgreSQL wiki, Index Maintenance",
     .area = Area::indexes},
    {.id = "invalid-index",
     .aliases = "index-invalid",
     .title = "Invalid index",
     .why = "It is written to and never read.",
     .how = "REINDEX INDEX CONCURRENTLY, or drop it.",
     .source = "PostgreSQL manual, sql-createindex",
     .area = Area::indexes},
    {.id = "dead-tuples",
     .title = "Vacuum falls behind on a table",
     .why = "Dead rows are read by every scan and keep growing.",
     .how = "Vacuum it now and lower its scale factor.",
     .source = "PostgreSQL manual, routine-vacuuming",
     .area = Area::vacuum},
    {.id = "fsync-off",
     .title = "fsync is off",
     .why = "A crash of the machine can destroy the whole cluster beyond repair.",
     .how = "Turn it on; a reload is enough.",
     .source = "PostgreSQL manual, runtime-config-wal",
     .severity = Severity::error,
     .area = Area::configuration},
    {.id = "log-lock-waits-off",
     .title = "Waits for locks are not logged",
     .why = "After an incident nobody can say who waited for whom.",
     .how = "Turn log_lock_waits on.",
     .source = "PostgreSQL manual, runtime-config-logging",
     .severity = Severity::info,
     .area = Area::configuration},
    {.id = "shared-buffers-range",
     .title = "shared_buffers does not fit this machine",
     .why = "Pages that would fit into memory are read again and again.",
     .how = "A quarter of the memory; needs a restart.",
     .source = "PostgreSQL manual, runtime-config-resource",
     .area = Area::configuration},
    {.id = "idle-in-transaction",
     .title = "Session idle in a transaction",
     .why = "It holds its locks and keeps vacuum from removing dead rows in the whole database.",
     .how = "End the session; set idle_in_transaction_session_timeout.",
     .source = "PostgreSQL manual, runtime-config-client",
     .area = Area::transactions},
    {.id = "archiving-off",
     .title = "No WAL archive",
     .why = "Everything since the last base backup is lost with the disk.",
     .how = "Archive WAL to another machine.",
     .source = "PostgreSQL manual, continuous-archiving",
     .severity = Severity::error,
     .area = Area::backups},
    {.id = "role-is-superuser",
     .title = "Application logs in as superuser",
     .why = "One injected statement owns the server and its machine.",
     .how = "Give the application a role with rights on its tables only.",
     .source = "PostgreSQL manual, role-attributes",
     .severity = Severity::error,
     .area = Area::roles},
    {.id = "statement-timeout-none",
     .title = "Login role without statement_timeout",
     .why = "One bad query runs for ever and takes a connection with it.",
     .how = "ALTER ROLE ... SET statement_timeout.",
     .source = "PostgreSQL manual, runtime-config-client",
     .area = Area::roles},
    {.id = "ssl-off",
     .title = "Connections are not encrypted",
     .why = "Passwords and rows can be read on the wire.",
     .how = "Turn ssl on with a certificate.",
     .source = "PostgreSQL manual, ssl-tcp",
     .severity = Severity::error,
     .area = Area::authentication},
    {.id = "replica-lag",
     .title = "Replica falls behind",
     .why = "Reads are old.",
     .how = "Find the cause.",
     .source = "PostgreSQL manual, monitoring-stats",
     .area = Area::replication},
    {.id = "disk-full-soon",
     .title = "Disk fills up",
     .why = "A full disk stops every write.",
     .how = "Make room.",
     .source = "PostgreSQL manual, disk-full",
     .area = Area::capacity},
};

Finding finding(std::string rule, Severity severity, std::string object, std::string message) {
  Finding one;
  one.rule = std::move(rule);
  one.severity = severity;
  one.object = std::move(object);
  one.message = std::move(message);
  return one;
}

Finding foreign_key(const std::string& table, const std::string& column, std::int64_t rows) {
  Finding one =
      finding("foreign-key-without-index", Severity::warning, "public." + table + "." + column,
              std::to_string(rows) + " rows are read for each parent row deleted");
  one.evidence = Json{{"child_rows", rows},
                      {"constraint", table + "_" + column + "_fkey"},
                      {"parent", "public.users"}};
  const std::string index = table + "_" + column + "_idx";
  one.fix = Fix{
      .safety = Safety::online,
      .phase = Phase::index_build,
      .sql = {"CREATE INDEX CONCURRENTLY " + index + " ON public." + table + " (" + column + ")"},
      .undo = {"DROP INDEX CONCURRENTLY IF EXISTS public." + index}};
  return one;
}

void add_errors(Report& report) {
  Finding fsync = finding("fsync-off", Severity::error, "setting fsync",
                          "fsync is off: a crash can destroy the cluster");
  fsync.evidence = Json{{"setting", "off"}, {"source", "configuration file"}};
  fsync.fix = Fix{.safety = Safety::online,
                  .phase = Phase::settings,
                  .sql = {"ALTER SYSTEM SET fsync = 'on'", "SELECT pg_reload_conf()"},
                  .undo = {"ALTER SYSTEM RESET fsync", "SELECT pg_reload_conf()"}};
  report.findings.push_back(std::move(fsync));
  Finding archive = finding("archiving-off", Severity::error, "",
                            "archive_mode is off and nobody streams the WAL");
  archive.fix =
      Fix{.safety = Safety::manual,
          .note = "An archive needs a place outside this machine, which only you can choose."};
  report.findings.push_back(std::move(archive));
  Finding super = finding("role-is-superuser", Severity::error, "role app",
                          "app is superuser and has 14 sessions open");
  super.evidence = Json{{"sessions", 14},
                        {"open", Json::Array{Json{{"pid", 4711}, {"application", "<b>shop</b>"}},
                                             Json{{"pid", 4712}, {"state", "idle"}}}}};
  super.fix = Fix{.safety = Safety::online,
                  .phase = Phase::roles,
                  .sql = {"ALTER ROLE app NOSUPERUSER"},
                  .undo = {"ALTER ROLE app SUPERUSER"},
                  .note = "Grant what the application needs first."};
  report.findings.push_back(std::move(super));
  Finding key = foreign_key("orders", "user_id", 1'200'000);
  key.severity = Severity::error;
  report.findings.push_back(std::move(key));
}

void add_hostile(Report& report) {
  Finding markup = finding("no-primary-key", Severity::warning, kHostileName,
                           std::string("no primary key on ") + kHostileName);
  markup.evidence = Json{{"name", kHostileName}, {"rows", 12}};
  markup.fix =
      Fix{.safety = Safety::blocks_all,
          .phase = Phase::keys,
          .sql = {"ALTER TABLE public.\"\"\"; <script>alert(1)</script>\" ADD COLUMN id bigint "
                  "GENERATED ALWAYS AS IDENTITY PRIMARY KEY"},
          .undo = {"ALTER TABLE public.\"\"\"; <script>alert(1)</script>\" DROP COLUMN id"}};
  report.findings.push_back(std::move(markup));
  Finding escape = finding("no-primary-key", Severity::warning, kEscapeName,
                           std::string("no primary key on ") + kEscapeName);
  escape.fix = Fix{.safety = Safety::blocks_all,
                   .phase = Phase::keys,
                   .sql = {"ALTER TABLE public.\"\x1b[31mred\x1b[0m\nDROP TABLE users; --\" ADD "
                           "COLUMN id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"},
                   .undo = {}};
  report.findings.push_back(std::move(escape));
  Finding wide = finding("no-primary-key", Severity::warning, kWideName,
                         std::string("no primary key on ") + kWideName);
  wide.fix = Fix{.safety = Safety::manual,
                 .note = "Which columns make a row unique is known to you alone."};
  report.findings.push_back(std::move(wide));
  const std::string long_name = "public." + std::string(300, 'x');
  Finding endless = finding("dead-tuples", Severity::warning, long_name,
                            "40 % of the rows of " + long_name + " are dead");
  endless.fix = Fix{.safety = Safety::online,
                    .phase = Phase::maintenance,
                    .sql = {"VACUUM (ANALYZE) public." + std::string(300, 'x')}};
  report.findings.push_back(std::move(endless));
}

void add_warnings(Report& report) {
  for (const char* table : {"payments", "order_items", "sessions", "events", "jobs"})
    report.findings.push_back(foreign_key(table, "user_id", 48'200));
  Finding constraint =
      finding("constraint-not-valid", Severity::warning, "public.orders.orders_total_check",
              "never validated: 1200000 rows unproved");
  constraint.fix = Fix{
      .safety = Safety::online,
      .phase = Phase::keys,
      .sql =
          {"ALTER TABLE public.orders ADD CONSTRAINT total_positive CHECK (total >= 0) NOT VALID",
           "ALTER TABLE public.orders VALIDATE CONSTRAINT total_positive"},
      .undo = {"ALTER TABLE public.orders DROP CONSTRAINT total_positive"}};
  report.findings.push_back(std::move(constraint));
  Finding money = finding("money-as-float", Severity::warning, "public.payments.amount",
                          "double precision in a column named amount");
  money.fix = Fix{.safety = Safety::blocks_all,
                  .phase = Phase::types,
                  .sql = {"ALTER TABLE public.payments ALTER COLUMN amount TYPE numeric(12,2)"},
                  .undo = {"ALTER TABLE public.payments ALTER COLUMN amount TYPE double precision"},
                  .note = "The table is rewritten: 48 MB."};
  report.findings.push_back(std::move(money));
  Finding duplicate = finding("duplicate-index", Severity::warning, "public.users_email_idx1",
                              "same as users_email_key, 42 MB");
  duplicate.evidence =
      Json{{"bytes", std::int64_t{44'040'192}}, {"same_as", "public.users_email_key"}};
  duplicate.fix =
      Fix{.safety = Safety::online,
          .phase = Phase::index_drop,
          .sql = {"DROP INDEX CONCURRENTLY public.users_email_idx1"},
          .undo = {"CREATE INDEX CONCURRENTLY users_email_idx1 ON public.users (email)"}};
  report.findings.push_back(std::move(duplicate));
  Finding buffers = finding("shared-buffers-range", Severity::warning, "setting shared_buffers",
                            "128 MB on a machine with 16 GB");
  buffers.fix =
      Fix{.safety = Safety::manual,
          .phase = Phase::settings,
          .sql = {"ALTER SYSTEM SET shared_buffers = '4GB'", "SELECT pg_reload_conf()"},
          .note = "Takes effect only when the server restarts, which no statement can do."};
  report.findings.push_back(std::move(buffers));
  for (const char* role : {"app", "reporting"}) {
    Finding timeout = finding("statement-timeout-none", Severity::warning,
                              std::string("role ") + role, "statement_timeout is 0");
    timeout.fix = Fix{.safety = Safety::online,
                      .phase = Phase::roles,
                      .sql = {std::string("ALTER ROLE ") + role + " SET statement_timeout = '30s'"},
                      .undo = {std::string("ALTER ROLE ") + role + " RESET statement_timeout"}};
    report.findings.push_back(std::move(timeout));
  }
}

void add_info(Report& report) {
  Finding locks = finding("log-lock-waits-off", Severity::info, "setting log_lock_waits",
                          "log_lock_waits is off");
  locks.fix = Fix{.safety = Safety::online,
                  .phase = Phase::settings,
                  .sql = {"ALTER SYSTEM SET log_lock_waits = 'on'", "SELECT pg_reload_conf()"},
                  .undo = {"ALTER SYSTEM RESET log_lock_waits", "SELECT pg_reload_conf()"}};
  report.findings.push_back(std::move(locks));
  Finding zone = finding("timestamp-without-zone", Severity::info, "public.events.happened_at",
                         "timestamp without time zone");
  zone.file = "migrations/V003__a: b,c.sql";
  zone.line = 3;
  zone.column = 7;
  report.findings.push_back(std::move(zone));
}

void add_checklists(Report& report) {
  Checklist live{.title = "Going live", .items = {}};
  live.items.push_back({1,
                        "Migrations in source control with a rollback each",
                        Answer::could_not_look,
                        "no folder of migrations was given",
                        "",
                        {}});
  live.items.push_back({2,
                        "Backups configured and a restore tested",
                        Answer::failed,
                        "archive_mode is off and no repository is known",
                        "",
                        {"archiving-off"}});
  live.items.push_back({6,
                        "Least-privilege role per service",
                        Answer::failed,
                        "app is superuser",
                        "pgkeep audit --only roles --fix-out fixes",
                        {"role-is-superuser"}});
  live.items.push_back(
      {8,
       "Index on every foreign key",
       Answer::failed,
       "6 of 21 foreign keys have none; the largest child table has 1,200,000 rows",
       "pgkeep audit --only foreign-key-without-index --fix-out fixes",
       {"foreign-key-without-index"}});
  live.items.push_back({10,
                        "Every query parameterised",
                        Answer::could_not_look,
                        "needs the source or the traffic",
                        "",
                        {}});
  report.checklists.push_back(std::move(live));
  Checklist production{.title = "Production", .items = {}};
  production.items.push_back(
      {1, "Automated backups and a monthly restore drill", Answer::failed, "none", "", {}});
  production.items.push_back({6,
                              "Extensions pinned",
                              Answer::passed,
                              "2 extensions, both at the version of the migrations",
                              "",
                              {}});
  report.checklists.push_back(std::move(production));
  Checklist design{.title = "Design principles", .items = {}};
  design.items.push_back(
      {1, "Relationships explicit", Answer::passed, "21 foreign keys on 24 tables", "", {}});
  report.checklists.push_back(std::move(design));
}

} // namespace

Report clean_report() {
  Report report;
  report.target = Json{{"database", "shop"},
                       {"host", "/run/pgkeep"},
                       {"server_version", "15.14"},
                       {"taken_at", "2026-11-21T13:20:25Z"}};
  report.title = "shop on /run/pgkeep:5432, PostgreSQL 15.14";
  for (const Rule& rule : kRules) {
    report.rules.push_back(&rule);
    report.passed.emplace_back(rule.id);
  }
  return report;
}

Report sample_report() {
  Report report = clean_report();
  report.notes = {"the counters count since 2 h ago: rules that need 7 d of them were skipped",
                  "one session is held open by the demo"};
  add_checklists(report);
  add_errors(report);
  add_warnings(report);
  add_hostile(report);
  add_info(report);
  report.skipped = {{"replica-lag", "needs pg_monitor"},
                    {"disk-full-soon", "the server is on another host"},
                    {"idle-in-transaction", "needs pg_monitor"}};
  report.set_aside.push_back({finding("ssl-off", Severity::error, "setting ssl", "ssl is off"),
                              "behind a mesh that encrypts"});
  const auto is_heard = [&report](const std::string& id) {
    const bool found =
        std::ranges::any_of(report.findings, [&id](const Finding& one) { return one.rule == id; });
    const bool skipped =
        std::ranges::any_of(report.skipped, [&id](const Skipped& one) { return one.rule == id; });
    return found || skipped || id == "ssl-off";
  };
  std::erase_if(report.passed, is_heard);
  return report;
}

} // namespace pgkeep::findings
