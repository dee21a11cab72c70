#include "migrate/baseline.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/text.h"
#include "migrate/baseline/foreign.h"
#include "migrate/baseline/match.h"
#include "migrate/history.h"
#include "migrate/runner_lock.h"

namespace pgkeep::migrate {
namespace {

using Parameters = std::vector<std::optional<std::string>>;
using postgres::Connection;

std::string names_of_tools() {
  std::vector<std::string> names;
  for (const Tool& tool : known_tools())
    names.emplace_back(tool.name);
  return base::join(names, ", ");
}

std::string labels_of(const std::vector<ForeignTable>& tables) {
  std::vector<std::string> labels;
  labels.reserve(tables.size());
  for (const ForeignTable& each : tables)
    labels.push_back(fmt::format("{} ({})", each.label(), each.tool->title));
  return base::join(labels, ", ");
}

/// The one table that is meant; nullopt where none is to be read.
base::Result<std::optional<ForeignTable>> choose(Connection& server,
                                                 const BaselineOptions& options) {
  const bool is_auto = options.from == "auto";
  const bool is_none = options.from == "none" || (is_auto && options.version);
  if (is_none) {
    if (options.version) return std::optional<ForeignTable>();
    return base::Error{.code = base::Code::usage,
                       .what = "--from none needs --version",
                       .expected = "the newest version that is in the database, 0 for none"};
  }
  if (options.version)
    return base::Error{.code = base::Code::usage,
                       .what = "--from and --version say two things",
                       .hint = "Leave out --version: the other tool's history knows it."};
  PGKEEP_TRY(std::vector<ForeignTable> found,
             find_foreign(server, is_auto ? "" : std::string_view(options.from)));
  if (found.size() == 1) return std::optional(std::move(found.front()));
  if (found.empty() && is_auto)
    return base::Error{.code = base::Code::usage,
                       .what = "no other tool's history is here",
                       .where = server.label(),
                       .expected = "--version VERSION: the newest version that the database has",
                       .hint = "Known are " + names_of_tools() + "."};
  if (found.empty())
    return base::Error{.code = base::Code::usage,
                       .what = fmt::format("no table of {} is here", options.from),
                       .where = server.label()};
  return base::Error{.code = base::Code::config,
                     .what = "several histories are here: " + labels_of(found),
                     .where = server.label(),
                     .expected = "--from with the one that these files belong to"};
}

constexpr std::string_view kRecord = R"(
INSERT INTO pgkeep.schema_migrations
       (kind, key, version, name, file, checksum, checksum_algorithm, content_sha256, content,
        down_content, tool, state, finished_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'baseline', clock_timestamp()))";

base::Result<> record_one(Connection& server, const Migration& migration, const std::string& tool) {
  const Parameters values = {std::string(name_of(migration.kind)),
                             migration.key(),
                             migration.version.text(),
                             migration.name,
                             migration.up.path,
                             checksum_of(migration.up),
                             fmt::format("{}", kChecksumAlgorithm),
                             base::sha256_hex(migration.up.text),
                             text_to_keep(migration.up),
                             migration.down ? text_to_keep(*migration.down) : "",
                             tool};
  PGKEEP_CHECK(server.query(std::string(kRecord), values));
  return {};
}

/// All or nothing.
base::Result<> record(Connection& server, const std::vector<const Migration*>& fresh,
                      const std::string& tool) {
  PGKEEP_CHECK(make_history(server));
  PGKEEP_CHECK(server.execute("BEGIN"));
  for (const Migration* migration : fresh) {
    if (const base::Result<> done = record_one(server, *migration, tool); !done) {
      static_cast<void>(server.execute("ROLLBACK"));
      return done;
    }
  }
  return server.execute("COMMIT");
}

base::Result<std::vector<const Migration*>> up_to(const Folder& folder, const Version& version) {
  std::vector<const Migration*> applied;
  bool is_there = version.key() == "0";
  for (const Migration& migration : folder.migrations) {
    if (migration.kind != Kind::versioned) continue;
    is_there = is_there || migration.version == version;
    if (!(version < migration.version)) applied.push_back(&migration);
  }
  if (is_there) return applied;
  return base::Error{.code = base::Code::usage,
                     .what = fmt::format("there is no version {}", version.text()),
                     .where = folder.path.string()};
}

/// What another tool's table says, into the result and the list.
base::Result<std::vector<const Migration*>> read_other(Connection& server, const Folder& folder,
                                                       const ForeignTable& table,
                                                       BaselineResult& result) {
  result.tool = table.tool->title;
  result.table = table.label();
  PGKEEP_TRY(const std::vector<ForeignRow> rows, read_foreign(server, table));
  Matched matched = match_files(folder, table, rows);
  result.without_file = std::move(matched.without_file);
  result.problems = std::move(matched.problems);
  if (matched.applied.empty() && !rows.empty() && result.problems.empty())
    result.problems.push_back(
        {.kind = "no-file",
         .migration = rows.front().label(),
         .file = table.label(),
         .text = fmt::format("{} applied {} migrations, and none is a file of {}",
                             table.tool->title, rows.size(), folder.path.string()),
         .hint = "Name the right folder by --dir, or say by --version how far it is applied."});
  return std::move(matched.applied);
}

} // namespace

std::vector<std::string_view> baseline_tools() {
  std::vector<std::string_view> names;
  for (const Tool& tool : known_tools())
    names.push_back(tool.name);
  return names;
}

base::Result<BaselineResult> take_baseline(const Folder& folder, const BaselineOptions& options) {
  PGKEEP_TRY(RunnerLock lock,
             RunnerLock::acquire(options.target, {.waits = options.waits_for_runner}));
  PGKEEP_TRY(
      Connection server,
      Connection::open(options.target, {.application_name = "pgkeep/migrate", .read_only = false}));
  BaselineResult result;
  PGKEEP_TRY(const std::optional<ForeignTable> table, choose(server, options));
  std::vector<const Migration*> applied;
  std::string tool = options.tool;
  if (table) {
    tool = table->tool->name;
    PGKEEP_TRY(applied, read_other(server, folder, *table, result));
  } else {
    PGKEEP_TRY(applied, up_to(folder, *options.version));
  }
  PGKEEP_TRY(const std::vector<HistoryRow> history, read_history(server));
  std::vector<const Migration*> fresh;
  for (const Migration& migration : folder.migrations) {
    const auto row = std::ranges::find_if(history, [&](const HistoryRow& each) {
      return each.kind == migration.kind && each.key == migration.key();
    });
    const bool is_applied = std::ranges::find(applied, &migration) != applied.end();
    if (row != history.end()) {
      result.known.push_back(migration.label());
    } else if (is_applied) {
      fresh.push_back(&migration);
      result.recorded.push_back(migration.label());
    } else {
      result.pending.push_back(migration.label());
    }
  }
  if (!result.problems.empty()) result.recorded.clear();
  if (!result.problems.empty() || options.is_dry_run) return result;
  PGKEEP_CHECK(lock.check());
  PGKEEP_CHECK(record(server, fresh, tool));
  return result;
}

base::Result<> check_no_foreign_history(Connection& server) {
  PGKEEP_TRY(const bool is_ours, has_history(server));
  if (is_ours) return {};
  PGKEEP_TRY(const std::vector<ForeignTable> found, find_foreign(server, ""));
  if (found.empty()) return {};
  return base::Error{
      .code = base::Code::config,
      .what = fmt::format("another tool has migrated this database: {}", labels_of(found)),
      .where = server.label(),
      .expected = "pgkeep's history to know what is applied",
      .hint = "`pgkeep migrate baseline` takes it over (--dry-run shows what it would record); "
              "`baseline --from none --version 0` says that these files are another matter."};
}

} // namespace pgkeep::migrate
