// Each row's table is made by the source that is named above it, in the tool's own repository.
#include "migrate/baseline/tools.h"

namespace pgkeep::migrate {
namespace {

constexpr Tool kTools[] = {
    // flyway/flyway: PostgreSQLDatabase.java, getRawCreateScript(); CoreMigrationType.java. The
    // newest row of a version counts: an undo or a deletion takes back what stands before it.
    {.name = "flyway",
     .title = "Flyway",
     .tables = "flyway_schema_history schema_version",
     .columns = "installed_rank version description type script checksum installed_by "
                "installed_on execution_time success",
     .rows = R"(
SELECT coalesce(version, ''), regexp_replace(script, '^.*/', ''), '',
       CASE WHEN NOT success THEN 'failed' WHEN type = 'BASELINE' THEN 'through'
            ELSE 'applied' END,
       type || ' ' || description
  FROM (SELECT DISTINCT ON (coalesce(version, script)) * FROM {}
         WHERE type <> 'SCHEMA' ORDER BY coalesce(version, script), installed_rank DESC) newest
 WHERE NOT success OR (type <> 'DELETE' AND type NOT LIKE 'UNDO%')
 ORDER BY installed_rank)",
     .mend = "Mend what it left, then `flyway repair` takes the failed row out."},
    // liquibase/liquibase: CreateDatabaseChangeLogTableGenerator.java. A row is a changeset; files
    // of formatted SQL hold several.
    {.name = "liquibase",
     .title = "Liquibase",
     .tables = "databasechangelog",
     .columns = "id author filename dateexecuted orderexecuted exectype md5sum",
     .rows = R"(
SELECT '', regexp_replace(filename, '^.*/', ''), id,
       CASE exectype WHEN 'FAILED' THEN 'failed' ELSE 'applied' END,
       author || ':' || id
  FROM {} WHERE exectype <> 'SKIPPED' ORDER BY orderexecuted)",
     .part_marker = "changeset ",
     .mend = "Mend what it left and run the changeset again, or take its row out of "
             "databasechangelog."},
    // golang-migrate/migrate: database/postgres/postgres.go, ensureVersionTable(), SetVersion().
    // One row: the newest version.
    {.name = "golang-migrate",
     .title = "golang-migrate",
     .tables = "schema_migrations",
     .columns = "version dirty",
     .has_no_others = true,
     .rows = "SELECT version::text, '', '', CASE WHEN dirty THEN 'failed' ELSE 'through' END, '' "
             "FROM {}",
     .mend = "Mend what it left, then `migrate force VERSION` says which version is there."},
    // rails/rails: active_record/schema_migration.rb and internal_metadata.rb, create_table.
    {.name = "rails",
     .title = "Rails",
     .tables = "schema_migrations",
     .columns = "version",
     .has_no_others = true,
     .beside = "ar_internal_metadata",
     .rows = "SELECT version, '', '', 'applied', '' FROM {} ORDER BY version",
     .mend = ""},
    // amacneil/dbmate: pkg/driver/postgres/postgres.go, CreateMigrationsTable().
    {.name = "dbmate",
     .title = "dbmate",
     .tables = "schema_migrations",
     .columns = "version",
     .has_no_others = true,
     .rows = "SELECT version, '', '', 'applied', '' FROM {} ORDER BY version",
     .mend = ""},
    // django/django: db/migrations/recorder.py. Every app counts from 0001.
    {.name = "django",
     .title = "Django",
     .tables = "django_migrations",
     .columns = "id app name applied",
     .has_no_others = true,
     .rows = "SELECT '', name, app || '_' || name, 'applied', app FROM {} ORDER BY id",
     .mend = ""},
    // sqlalchemy/alembic: ddl/impl.py, version_table_impl(). The newest revision of each branch.
    {.name = "alembic",
     .title = "Alembic",
     .tables = "alembic_version",
     .columns = "version_num",
     .has_no_others = true,
     .rows = "SELECT '', version_num, '', 'through', '' FROM {}",
     .mend = ""},
    // prisma/prisma-engines: schema-engine/connectors/sql-schema-connector/src/flavour/postgres.rs,
    // create_migrations_table().
    {.name = "prisma",
     .title = "Prisma",
     .tables = "_prisma_migrations",
     .columns = "id checksum finished_at migration_name logs rolled_back_at started_at "
                "applied_steps_count",
     .rows = R"(
SELECT coalesce(substring(migration_name FROM '^[0-9]+'), ''), migration_name, '',
       CASE WHEN finished_at IS NULL THEN 'failed' ELSE 'applied' END, ''
  FROM {} WHERE rolled_back_at IS NULL ORDER BY started_at)",
     .mend = "Mend what it left, then `prisma migrate resolve` with --applied or --rolled-back."},
    // knex/knex: lib/migrations/migrate/table-creator.js.
    {.name = "knex",
     .title = "Knex",
     .tables = "knex_migrations",
     .columns = "id name batch migration_time",
     .rows = "SELECT coalesce(substring(name FROM '^[0-9]+'), ''), name, '', 'applied', '' FROM {} "
             "ORDER BY id",
     .mend = ""},
    // sqitchers/sqitch: lib/App/Sqitch/Engine/pg.sql. Rows of changes that are deployed now.
    {.name = "sqitch",
     .title = "Sqitch",
     .tables = "changes",
     .columns = "change_id script_hash change project note committed_at committer_name "
                "committer_email planned_at planner_name planner_email",
     .beside = "dependencies",
     .rows = "SELECT '', change, '', 'applied', project FROM {} ORDER BY committed_at",
     .mend = ""},
    // salsita/node-pg-migrate: src/runner.ts, ensureMigrationsTable().
    {.name = "node-pg-migrate",
     .title = "node-pg-migrate",
     .tables = "pgmigrations",
     .columns = "id name run_on",
     .has_no_others = true,
     .rows = "SELECT coalesce(substring(name FROM '^[0-9]+'), ''), name, '', 'applied', '' FROM {} "
             "ORDER BY run_on, id",
     .mend = ""},
    // graphile/migrate: src/migration.ts, _migrateMigrationSchema().
    {.name = "graphile",
     .title = "Graphile Migrate",
     .tables = "migrations",
     .columns = "hash previous_hash filename date",
     .has_no_others = true,
     .beside = "current",
     .rows = "SELECT coalesce(substring(filename FROM '^[0-9]+'), ''), filename, '', 'applied', '' "
             "FROM {} ORDER BY filename",
     .mend = ""},
    // ariga/atlas: cmd/atlas/internal/migrate/ent/schema/revision.go; sql/migrate, RevisionType: 1
    // is a baseline. A version that begins with a dot is Atlas' own.
    {.name = "atlas",
     .title = "Atlas",
     .tables = "atlas_schema_revisions",
     .columns = "version description type applied total executed_at execution_time error hash",
     .rows = R"(
SELECT version, version || '_' || description, '',
       CASE WHEN applied < total OR coalesce(error, '') <> '' THEN 'failed'
            WHEN type & 1 = 1 THEN 'through' ELSE 'applied' END,
       coalesce(error, '')
  FROM {} WHERE version NOT LIKE '.%' ORDER BY version)",
     .mend = "Mend what it left, then `atlas migrate set VERSION` says which version is there."},
    // pressly/goose: internal/dialect/dialectquery/postgres.go. The newest row of a version counts.
    {.name = "goose",
     .title = "goose",
     .tables = "goose_db_version",
     .columns = "id version_id is_applied tstamp",
     .has_no_others = true,
     .rows = R"(
SELECT version_id::text, '', '', 'applied', ''
  FROM (SELECT DISTINCT ON (version_id) * FROM {} ORDER BY version_id, id DESC) newest
 WHERE is_applied AND version_id > 0 ORDER BY version_id)",
     .mend = ""},
};

} // namespace

std::span<const Tool> known_tools() {
  return kTools;
}

} // namespace pgkeep::migrate
