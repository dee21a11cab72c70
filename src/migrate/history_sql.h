/// The tables of the history, as SQL. Private to src/migrate.
#pragma once

#include <string_view>

namespace pgkeep::migrate {

/// Version of the tables, in the comment of the schema: a newer one is refused.
inline constexpr int kHistoryFormat = 1;

/// Safe to run again. The schema stays the runner's: applications have no business in it.
inline constexpr std::string_view kHistoryTables = R"(
CREATE SCHEMA IF NOT EXISTS pgkeep;
CREATE TABLE IF NOT EXISTS pgkeep.schema_migrations (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('versioned', 'repeatable')),
  key text NOT NULL,
  version text NOT NULL,
  name text NOT NULL,
  file text NOT NULL,
  checksum text NOT NULL,
  checksum_algorithm integer NOT NULL,
  content_sha256 text NOT NULL,
  content text NOT NULL,
  down_content text NOT NULL DEFAULT '',
  state text NOT NULL
    CHECK (state IN ('running', 'failed', 'applied', 'baseline', 'undoing', 'undone')),
  runner text NOT NULL DEFAULT '',
  applied_by text NOT NULL DEFAULT session_user,
  tool text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  undone_at timestamptz,
  error text NOT NULL DEFAULT ''
);
CREATE UNIQUE INDEX IF NOT EXISTS schema_migrations_key
  ON pgkeep.schema_migrations (kind, key) WHERE state <> 'undone';
CREATE TABLE IF NOT EXISTS pgkeep.schema_migration_steps (
  migration bigint NOT NULL REFERENCES pgkeep.schema_migrations ON DELETE CASCADE,
  is_down boolean NOT NULL,
  number integer NOT NULL,
  kind text NOT NULL,
  title text NOT NULL,
  digest text NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'running', 'done')),
  position jsonb,
  rows bigint NOT NULL DEFAULT 0,
  attempts bigint NOT NULL DEFAULT 0,
  waited_ms bigint NOT NULL DEFAULT 0,
  duration_ms bigint NOT NULL DEFAULT 0,
  started_at timestamptz,
  finished_at timestamptz,
  PRIMARY KEY (migration, is_down, number)
);
COMMENT ON SCHEMA pgkeep IS 'pgkeep history, format 1';
COMMENT ON TABLE pgkeep.schema_migrations IS 'What pgkeep migrate did here: one row a migration';
COMMENT ON TABLE pgkeep.schema_migration_steps IS 'Each step of each migration, and how far it came';
)";

} // namespace pgkeep::migrate
