#include "migrate/verify.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/text.h"
#include "catalog/snapshot.h"
#include "migrate/check.h"
#include "migrate/history.h"
#include "migrate/rehearsal.h"
#include "migrate/runner.h"
#include "sandbox/sandbox.h"

namespace pgkeep::migrate {
namespace {

constexpr const char* kDatabase = "pgkeep_verify";

void add_unfinished(const Folder& folder, const std::vector<HistoryRow>& history,
                    Verified& result) {
  for (const HistoryRow& row : history) {
    if (row.state == State::applied || row.state == State::baseline || row.state == State::undone)
      continue;
    const Migration* const migration = folder.find(row.kind, row.key);
    const bool is_down = row.state == State::undoing;
    result.problems.push_back(
        {.kind = "unfinished",
         .migration = migration == nullptr ? row.name : migration->label(),
         .file = migration == nullptr ? row.file : migration->up.path,
         .text =
             fmt::format("it is {}: {} of {} steps are done{}", name_of(row.state), row.steps_done,
                         row.steps_total, row.error.empty() ? "" : fmt::format("; {}", row.error)),
         .hint = fmt::format("`pgkeep migrate {}` goes on from there, if no runner is at work.",
                             is_down ? "down" : "up")});
  }
}

/// In the order in which a new database would get them.
std::vector<const Migration*>
applied_files(const Folder& folder, const std::vector<HistoryRow>& history, Verified& result) {
  std::vector<const Migration*> files;
  for (const Migration& migration : folder.migrations) {
    const bool is_applied = std::ranges::any_of(history, [&](const HistoryRow& row) {
      return row.kind == migration.kind && row.key == migration.key() &&
             (row.state == State::applied || row.state == State::baseline);
    });
    if (is_applied) files.push_back(&migration);
  }
  for (const HistoryRow& row : history) {
    if (folder.find(row.kind, row.key) == nullptr)
      result.notes.push_back(fmt::format("{} {} has no file here: what it made counts as drift",
                                         row.version.empty() ? "R" : "V" + row.version, row.name));
  }
  return files;
}

/// Of what is applied; each answer no is a problem.
base::Result<> ask_checks(const std::vector<const Migration*>& files, const std::string& target,
                          Verified& result) {
  std::optional<Servers> servers;
  for (const Migration* const migration : files) {
    if (!migration->check) continue;
    if (!servers) {
      PGKEEP_TRY(servers, open_servers(target));
    }
    PGKEEP_CHECK(servers->work.reset_session());
    const auto asked = run_check(servers->work, *migration->check);
    ++result.checks;
    if (asked) continue;
    if (asked.error().code != base::Code::sql && asked.error().code != base::Code::config)
      return asked.error();
    result.problems.push_back({.kind = "check",
                               .migration = migration->label(),
                               .file = asked.error().where,
                               .text = fmt::format("its check says no: {}", asked.error().what),
                               .hint = "Mend what it asks about, or the check where a later "
                                       "migration changed that on purpose."});
  }
  return {};
}

/// The schema that the files make, on a server of that version.
base::Result<catalog::Snapshot> make_schema(const Folder& folder,
                                            const std::vector<const Migration*>& files, int major,
                                            const VerifyOptions& options) {
  auto binaries = sandbox::find_server(options.pg_bin, major);
  if (!binaries) {
    base::Error error = std::move(binaries).error();
    error.hint += " --no-drift leaves the comparison out.";
    return error;
  }
  PGKEEP_TRY(const auto server, sandbox::Sandbox::start(*binaries));
  PGKEEP_CHECK(server->create_database(kDatabase));
  const auto run_hooks = [&](Moment moment) {
    return run_hooks_there(*server, kDatabase, folder.hooks, moment);
  };
  PGKEEP_CHECK(run_hooks(Moment::before_migrate));
  int done = 0;
  for (const Migration* const migration : files) {
    if (base::is_interrupted())
      return base::Error{.code = base::Code::cancelled, .what = "interrupted"};
    if (options.tell) options.tell(done++, static_cast<int>(files.size()), migration->label());
    PGKEEP_CHECK(run_hooks(Moment::before_each_migrate));
    PGKEEP_TRY(Servers servers, open_servers(server->conninfo(kDatabase)));
    Tracer tracer(servers, nullptr);
    PGKEEP_CHECK(tracer.begin({}));
    auto steps = run_steps_traced(tracer, servers, *server, migration->up, nullptr);
    if (!steps) {
      base::Error error = std::move(steps).error();
      error.what = fmt::format("{} does not run on an empty database, so there is nothing to "
                               "compare with: {}",
                               migration->label(), error.what);
      if (error.hint.empty())
        error.hint = "`pgkeep migrate test` shows it; --no-drift leaves the comparison out.";
      return error;
    }
    PGKEEP_CHECK(run_hooks(Moment::after_each_migrate));
  }
  PGKEEP_CHECK(run_hooks(Moment::after_migrate));
  PGKEEP_CHECK(run_hooks(Moment::after_migrate_applied));
  PGKEEP_TRY(
      postgres::Connection look,
      postgres::Connection::open(server->conninfo(kDatabase), {.application_name = "pgkeep/look"}));
  return catalog::read_snapshot(look, {.left_out = catalog::kBesideSchema});
}

} // namespace

bool is_foreign_history(const catalog::Difference& difference) {
  constexpr auto names = std::to_array<std::string_view>(
      {"flyway_schema_history", "databasechangelog", "databasechangeloglock", "schema_migrations",
       "ar_internal_metadata", "django_migrations", "alembic_version", "_prisma_migrations",
       "knex_migrations", "knex_migrations_lock", "goose_db_version", "pgmigrations",
       "atlas_schema_revisions"});
  if (difference.change != catalog::Change::added) return false;
  if (difference.object == "sqitch" || difference.object.starts_with("sqitch.")) return true;
  const std::size_t dot = difference.object.find('.');
  std::string_view name = difference.object;
  if (dot != std::string::npos) name.remove_prefix(dot + 1);
  return std::ranges::find(names, name) != names.end();
}

std::string drift_line(const catalog::Difference& difference) {
  const std::string object = fmt::format("{} {}", difference.kind, difference.object);
  switch (difference.change) {
  case catalog::Change::added:
    return base::printable(object + " is in the database, and no migration makes it");
  case catalog::Change::removed:
    return base::printable(object + " is made by the migrations, and the database has it not");
  case catalog::Change::changed:
    break;
  }
  return base::printable(to_line(difference));
}

base::Result<Verified> verify(const Folder& folder, postgres::Connection& server,
                              const VerifyOptions& options) {
  Verified result;
  PGKEEP_TRY(const std::vector<HistoryRow> history, read_history(server));
  result.problems = problems_of(folder, history, options.allows_gaps);
  // An unfinished way down is a problem of both.
  std::erase_if(result.problems,
                [](const Problem& problem) { return problem.kind == "unfinished-undo"; });
  add_unfinished(folder, history, result);
  const std::vector<const Migration*> files = applied_files(folder, history, result);
  result.applied = static_cast<int>(files.size());
  if (options.target) PGKEEP_CHECK(ask_checks(files, *options.target, result));
  if (!options.looks_for_drift) return result;
  PGKEEP_TRY(const catalog::Snapshot wanted,
             make_schema(folder, files, server.version().major(), options));
  PGKEEP_TRY(const catalog::Snapshot found,
             catalog::read_snapshot(server, {.left_out = catalog::kBesideSchema}));
  catalog::Diff diff = catalog::compare(wanted, found, options.differences);
  std::erase_if(diff.differences, is_foreign_history);
  result.drift = std::move(diff.differences);
  result.unknown = std::move(diff.unknown);
  result.has_compared = true;
  return result;
}

} // namespace pgkeep::migrate
