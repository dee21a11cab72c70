#include "migrate/history.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/text.h"
#include "migrate/history_sql.h"
#include "migrate/shadow_partitions.h"
#include "postgres/quote.h"
#include "postgres/sql_tree.h"

namespace pgkeep::migrate {
namespace {

using Parameters = std::vector<std::optional<std::string>>;
using postgres::Connection;
using postgres::quote_literal;
using postgres::Rows;

constexpr auto kStates = std::to_array<std::string_view>(
    {"running", "failed", "applied", "baseline", "undoing", "undone"});

template <typename Number>
Number number_at(const Rows& rows, int row, int column) {
  Number value = 0;
  const std::string_view text = rows.text(row, column);
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string text_of(std::int64_t number) {
  return fmt::format("{}", number);
}

State state_of(std::string_view text) {
  const auto* const found = std::ranges::find(kStates, text);
  return found == kStates.end() ? State::failed : static_cast<State>(found - kStates.begin());
}

constexpr std::string_view kRead = R"(
SELECT m.id, m.kind, m.key, m.version, m.name, m.file, m.checksum, m.content, m.down_content,
       m.state,
       (SELECT count(*) FROM pgkeep.schema_migration_steps s
         WHERE s.migration = m.id AND s.is_down = (m.state IN ('undoing', 'undone'))
           AND s.state = 'done'),
       (SELECT count(*) FROM pgkeep.schema_migration_steps s
         WHERE s.migration = m.id AND s.is_down = (m.state IN ('undoing', 'undone'))),
       m.applied_by, m.tool,
       to_char(m.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       coalesce(to_char(m.finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), ''),
       coalesce((extract(epoch FROM m.finished_at - m.started_at) * 1000)::bigint, 0), m.error
  FROM pgkeep.schema_migrations m
 WHERE m.state <> 'undone' OR $1::boolean
 ORDER BY m.id)";

/// The rows of a run's steps; those that are done stay as they are.
base::Result<> write_steps(Connection& server, std::int64_t id, bool is_down,
                           const std::vector<Step>& steps) {
  const std::string down = is_down ? "t" : "f";
  const Parameters all = {text_of(id), down};
  PGKEEP_CHECK(server.query("DELETE FROM pgkeep.schema_migration_steps WHERE migration = $1 AND "
                            "is_down = $2 AND state = 'pending'",
                            all));
  int number = 0;
  for (const Step& step : steps) {
    const Parameters values = {text_of(id),       down,
                               text_of(++number), std::string(name_of(step.kind)),
                               step.title(),      step_digest(step)};
    PGKEEP_CHECK(server.query(
        "INSERT INTO pgkeep.schema_migration_steps (migration, is_down, number, kind, title, "
        "digest, state) VALUES ($1, $2, $3, $4, $5, $6, 'pending') ON CONFLICT DO NOTHING",
        values));
  }
  return {};
}

/// Runs `work` in one transaction with search_path pg_catalog.
template <typename Work>
base::Result<> in_transaction(Connection& server, Work work) {
  PGKEEP_CHECK(server.execute("BEGIN; SET LOCAL search_path = pg_catalog; "
                              "SET LOCAL lock_timeout = 0"));
  base::Result<> done = work();
  const base::Result<> ended = server.execute(done ? "COMMIT" : "ROLLBACK");
  return done ? ended : done;
}

/// Fails with a division by zero where no row was changed: the one way to stop a transaction by
/// plain SQL without a function of our own.
std::string fenced(std::string_view update, const StepKey& key) {
  return fmt::format("WITH changed AS ({} RETURNING 1) SELECT 1 / count(*) FROM changed, "
                     "(SELECT 1 FROM pgkeep.schema_migrations WHERE id = {} AND runner = {} FOR "
                     "UPDATE) fence",
                     update, key.id, quote_literal(key.token));
}

std::string where_step(const StepKey& key) {
  return fmt::format("migration = {} AND is_down = {} AND number = {}", key.id, key.is_down,
                     key.number);
}

} // namespace

std::string_view name_of(State state) noexcept {
  return kStates[static_cast<std::size_t>(state)];
}

base::Result<bool> has_history(Connection& server) {
  PGKEEP_TRY(const Rows rows,
             server.query("SELECT coalesce(pg_catalog.obj_description(n.oid, 'pg_namespace'), ''), "
                          "pg_catalog.to_regclass('pgkeep.schema_migration_steps') IS NOT NULL "
                          "FROM pg_catalog.pg_namespace n WHERE n.nspname = 'pgkeep'"));
  if (rows.count() == 0) return false;
  constexpr std::string_view words = "pgkeep history, format ";
  const std::string_view comment = rows.text(0, 0);
  int format = 0;
  if (comment.starts_with(words))
    std::from_chars(comment.data() + words.size(), comment.data() + comment.size(), format);
  if (format > kHistoryFormat)
    return base::Error{.code = base::Code::corrupt,
                       .what = fmt::format("the history has format {}, of a newer pgkeep", format),
                       .where = server.label(),
                       .expected = fmt::format("format {}", kHistoryFormat),
                       .hint = "Use that version of pgkeep, or a newer one."};
  return rows.text(0, 1) == "t";
}

base::Result<> make_history(Connection& server) {
  PGKEEP_TRY(const bool is_there, has_history(server));
  if (is_there) return {};
  return in_transaction(server, [&] { return server.execute(std::string(kHistoryTables)); });
}

base::Result<std::vector<HistoryRow>> read_history(Connection& server, bool with_undone) {
  std::vector<HistoryRow> history;
  PGKEEP_TRY(const bool is_there, has_history(server));
  if (!is_there) return history;
  const Parameters parameters = {with_undone ? "t" : "f"};
  PGKEEP_TRY(const Rows rows, server.query(std::string(kRead), parameters));
  for (int row = 0; row < rows.count(); ++row) {
    const auto text = [&](int column) { return std::string(rows.text(row, column)); };
    history.push_back({.id = number_at<std::int64_t>(rows, row, 0),
                       .kind = text(1) == "versioned" ? Kind::versioned : Kind::repeatable,
                       .key = text(2),
                       .version = text(3),
                       .name = text(4),
                       .file = text(5),
                       .checksum = text(6),
                       .text = text(7),
                       .down_text = text(8),
                       .state = state_of(text(9)),
                       .steps_done = number_at<int>(rows, row, 10),
                       .steps_total = number_at<int>(rows, row, 11),
                       .applied_by = text(12),
                       .tool = text(13),
                       .started_at = text(14),
                       .finished_at = text(15),
                       .duration_ms = number_at<std::int64_t>(rows, row, 16),
                       .error = text(17)});
  }
  return history;
}

base::Result<std::vector<StepRow>> read_steps(Connection& server, std::int64_t id, bool is_down) {
  const Parameters parameters = {text_of(id), is_down ? "t" : "f"};
  PGKEEP_TRY(const Rows rows,
             server.query("SELECT number, kind, title, digest, state, coalesce(position::text, "
                          "'null'), rows, attempts, waited_ms, duration_ms FROM "
                          "pgkeep.schema_migration_steps WHERE migration = $1 AND is_down = $2 "
                          "ORDER BY number",
                          parameters));
  std::vector<StepRow> steps;
  for (int row = 0; row < rows.count(); ++row) {
    PGKEEP_TRY(base::Json position, base::parse_json(rows.text(row, 5)));
    steps.push_back({.number = number_at<int>(rows, row, 0),
                     .is_down = is_down,
                     .kind = std::string(rows.text(row, 1)),
                     .title = std::string(rows.text(row, 2)),
                     .digest = std::string(rows.text(row, 3)),
                     .state = std::string(rows.text(row, 4)),
                     .position = std::move(position),
                     .rows = number_at<std::int64_t>(rows, row, 6),
                     .attempts = number_at<std::int64_t>(rows, row, 7),
                     .waited_ms = number_at<std::int64_t>(rows, row, 8),
                     .duration_ms = number_at<std::int64_t>(rows, row, 9)});
  }
  return steps;
}

base::Result<std::int64_t> begin_migration(Connection& server, const Runner& runner,
                                           const Migration& migration, const std::string& checksum,
                                           const std::vector<Step>& steps) {
  std::int64_t id = 0;
  PGKEEP_CHECK(in_transaction(server, [&]() -> base::Result<> {
    const Parameters values = {std::string(name_of(migration.kind)),
                               migration.key(),
                               migration.version.text(),
                               migration.name,
                               migration.up.path,
                               checksum,
                               text_of(kChecksumAlgorithm),
                               base::sha256_hex(migration.up.text),
                               text_to_keep(migration.up),
                               migration.down ? text_to_keep(*migration.down) : "",
                               runner.token,
                               runner.tool};
    // A repeatable file that runs again: its steps are those of the run before, and done.
    const Parameters again = {values[0], values[1]};
    const auto cleared = server.query(
        "DELETE FROM pgkeep.schema_migration_steps WHERE migration IN (SELECT id FROM "
        "pgkeep.schema_migrations WHERE kind = $1 AND key = $2 AND state IN ('applied', "
        "'baseline'))",
        again);
    if (!cleared) return cleared.error();
    PGKEEP_TRY(const Rows rows,
               server.query("INSERT INTO pgkeep.schema_migrations AS m (kind, key, version, name, "
                            "file, checksum, checksum_algorithm, content_sha256, content, "
                            "down_content, runner, tool, state) VALUES ($1, $2, $3, $4, $5, $6, "
                            "$7, $8, $9, $10, $11, $12, 'running') ON CONFLICT (kind, key) WHERE "
                            "state <> 'undone' DO UPDATE SET version = EXCLUDED.version, name = "
                            "EXCLUDED.name, file = EXCLUDED.file, checksum = EXCLUDED.checksum, "
                            "checksum_algorithm = EXCLUDED.checksum_algorithm, content_sha256 = "
                            "EXCLUDED.content_sha256, content = EXCLUDED.content, down_content = "
                            "EXCLUDED.down_content, runner = EXCLUDED.runner, tool = "
                            "EXCLUDED.tool, applied_by = session_user, error = '', finished_at = "
                            "NULL, started_at = CASE WHEN m.state IN ('running', 'failed') THEN "
                            "m.started_at ELSE clock_timestamp() END, state = 'running' "
                            "RETURNING id",
                            values));
    id = number_at<std::int64_t>(rows, 0, 0);
    return write_steps(server, id, false, steps);
  }));
  return id;
}

base::Result<> begin_undo(Connection& server, const Runner& runner, std::int64_t id,
                          const std::vector<Step>& steps) {
  return in_transaction(server, [&]() -> base::Result<> {
    const Parameters values = {text_of(id), runner.token};
    PGKEEP_CHECK(server.query("UPDATE pgkeep.schema_migrations SET state = 'undoing', runner = "
                              "$2, error = '' WHERE id = $1",
                              values));
    return write_steps(server, id, true, steps);
  });
}

std::string step_done_sql(const StepKey& key, std::int64_t rows) {
  return fenced(fmt::format("UPDATE pgkeep.schema_migration_steps SET state = 'done', rows = rows "
                            "+ {}, finished_at = clock_timestamp() WHERE {} AND state <> 'done'",
                            rows, where_step(key)),
                key);
}

std::string step_position_sql(const StepKey& key, const base::Json& position, std::int64_t rows) {
  return fenced(fmt::format("UPDATE pgkeep.schema_migration_steps SET state = 'running', position "
                            "= {}::jsonb, rows = rows + {} WHERE {} AND state <> 'done'",
                            quote_literal(position.dump()), rows, where_step(key)),
                key);
}

base::Result<> mark_step_running(Connection& server, const StepKey& key) {
  return in_transaction(server, [&] {
    return server.execute(
        fenced(fmt::format("UPDATE pgkeep.schema_migration_steps SET state = 'running', started_at "
                           "= coalesce(started_at, clock_timestamp()) WHERE {}",
                           where_step(key)),
               key));
  });
}

base::Result<> add_step_cost(Connection& server, const StepKey& key, std::int64_t attempts,
                             std::int64_t waited_ms, std::int64_t duration_ms) {
  return in_transaction(server, [&] {
    return server.execute(fmt::format(
        "UPDATE pgkeep.schema_migration_steps SET attempts = attempts + {}, waited_ms = waited_ms "
        "+ {}, duration_ms = duration_ms + {} WHERE {}",
        attempts, waited_ms, duration_ms, where_step(key)));
  });
}

base::Result<> finish_migration(Connection& server, const Runner& runner, std::int64_t id,
                                State state, const std::string& error) {
  return in_transaction(server, [&]() -> base::Result<> {
    const Parameters values = {text_of(id), runner.token, std::string(name_of(state)), error};
    PGKEEP_CHECK(server.query(
        "UPDATE pgkeep.schema_migrations SET state = $3, error = $4, finished_at = CASE WHEN $3 = "
        "'applied' THEN clock_timestamp() ELSE finished_at END, undone_at = CASE WHEN $3 = "
        "'undone' THEN clock_timestamp() END WHERE id = $1 AND runner = $2",
        values));
    return {};
  });
}

base::Result<> forget_repeatable(Connection& server) {
  return in_transaction(server, [&] {
    return server.execute("UPDATE pgkeep.schema_migrations SET state = 'undone', undone_at = "
                          "clock_timestamp() WHERE kind = 'repeatable' AND state = 'applied'");
  });
}

std::string step_digest(const Step& step) {
  std::string lines = fmt::format("{}\n", name_of(step.kind));
  for (const StepStatement& each : step.statements) {
    const postgres::Node& root = each.statement->root;
    lines += (root ? postgres::digest(root) : each.sql) + '\n';
    if (each.data && !each.data->empty()) lines += base::sha256_hex(*each.data) + '\n';
  }
  // What a cursor or a half-made table is of; how fast it goes may change on the way.
  for (const lint::DirectiveArgument& each : step.directive.arguments) {
    if (each.key == "key" || is_partition_argument(each.key))
      lines += fmt::format("{}={}\n", each.key, each.value);
  }
  return base::sha256_hex(lines);
}

std::string text_to_keep(const Source& source) {
  const lint::Script& script = *source.script;
  std::string text;
  std::size_t at = 0;
  for (const lint::Section& section : script.sections()) {
    for (const lint::Statement& each : section.statements) {
      if (each.origin != lint::Origin::text || each.begin < at || !holds_secret(each.root))
        continue;
      text += script.shown(at, each.begin) + "/* a statement with a secret */";
      at = each.end;
    }
  }
  return text + script.shown(at, script.text().size());
}

} // namespace pgkeep::migrate
