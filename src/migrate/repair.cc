#include "migrate/repair.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/hash.h"
#include "base/text.h"
#include "migrate/alone.h"
#include "migrate/history.h"
#include "migrate/repair_indexes.h"
#include "migrate/runner.h"
#include "migrate/runner_lock.h"
#include "migrate/text_diff.h"

namespace pgkeep::migrate {
namespace {

using Parameters = std::vector<std::optional<std::string>>;

std::string label_of(const HistoryRow& row) {
  return row.kind == Kind::versioned ? fmt::format("V{} {}", row.version, row.name)
                                     : "R " + row.name;
}

/// The name on the command line for it: "012", "R views".
std::string word_of(const HistoryRow& row) {
  return row.kind == Kind::versioned ? row.version : fmt::format("'R {}'", row.name);
}

bool is_unfinished(const HistoryRow& row) {
  return row.state == State::running || row.state == State::failed || row.state == State::undoing;
}

std::string state_line(const HistoryRow& row) {
  return fmt::format("state {}, {} of {} steps done{}", name_of(row.state), row.steps_done,
                     row.steps_total, row.error.empty() ? "" : ", " + row.error);
}

class Mender {
public:
  Mender(const Folder& folder, const RepairOptions& options, Servers& servers,
         std::vector<HistoryRow> history)
      : folder_(folder), options_(options), servers_(servers), history_(std::move(history)) {}

  base::Result<RepairResult> run() {
    if (options_.repair == Repair::look) {
      PGKEEP_CHECK(look());
      return std::move(result_);
    }
    PGKEEP_TRY(const HistoryRow* const row, find());
    result_.migration = label_of(*row);
    PGKEEP_CHECK(mend(*row));
    return std::move(result_);
  }

private:
  base::Result<> look();
  base::Result<const HistoryRow*> find() const;
  base::Result<> mend(const HistoryRow& row);
  base::Result<> accept(const HistoryRow& row);
  base::Result<> remove(const HistoryRow& row);
  base::Result<> mark_applied(const HistoryRow& row);
  base::Result<> drop_invalid(const HistoryRow& row);
  base::Result<> change(const std::vector<std::string>& statements, const Parameters& parameters);
  [[nodiscard]] const Migration* file_of(const HistoryRow& row) const {
    return folder_.find(row.kind, row.key);
  }

  const Folder& folder_;
  const RepairOptions& options_;
  Servers& servers_;
  std::vector<HistoryRow> history_;
  RepairResult result_;
};

base::Result<> Mender::look() {
  for (Problem problem : problems_of(folder_, history_, true)) {
    if (problem.kind != "unfinished-undo") result_.problems.push_back(std::move(problem));
  }
  for (const HistoryRow& row : history_) {
    if (!is_unfinished(row)) continue;
    const bool is_down = row.state == State::undoing;
    result_.problems.push_back(
        {.kind = "unfinished",
         .migration = label_of(row),
         .file = row.file,
         .text = state_line(row),
         .hint = fmt::format("`pgkeep migrate {0}` goes on with it. Mended by hand: `repair "
                             "--clear {1}` where nothing of it is left, `repair --applied {1}` "
                             "where all of it is there.",
                             is_down ? "down" : "up", word_of(row))});
    PGKEEP_TRY(const std::vector<std::string> indexes,
               invalid_indexes(servers_.work, row, folder_.values));
    for (const std::string& index : indexes)
      result_.problems.push_back(
          {.kind = "invalid-index",
           .migration = label_of(row),
           .file = row.file,
           .text = fmt::format("the index {} is INVALID: its build did not reach its end", index),
           .hint = fmt::format("`pgkeep migrate up` drops and builds it again; `repair "
                               "--drop-invalid {}` only drops it.",
                               word_of(row))});
  }
  return {};
}

base::Result<const HistoryRow*> Mender::find() const {
  std::string_view word = base::trim(options_.migration);
  const bool is_repeatable = word.starts_with("R__") || word.starts_with("R ");
  if (is_repeatable) word = word.starts_with("R__") ? word.substr(3) : base::trim(word.substr(2));
  if (word.starts_with('V')) word.remove_prefix(1);
  const auto version = Version::parse(word);
  const auto found = std::ranges::find_if(history_, [&](const HistoryRow& row) {
    if (row.kind == Kind::repeatable) return row.name == word;
    return !is_repeatable && version && row.key == version->key();
  });
  if (found != history_.end()) return &*found;
  return base::Error{
      .code = base::Code::usage,
      .what = fmt::format("{} is not in the history", base::printable(options_.migration)),
      .where = servers_.work.label(),
      .expected = "a version or repeatable name that `pgkeep migrate status` shows"};
}

base::Result<> Mender::mend(const HistoryRow& row) {
  const bool needs_unfinished =
      options_.repair == Repair::clear || options_.repair == Repair::mark_applied;
  if (needs_unfinished && !is_unfinished(row))
    return base::Error{
        .code = base::Code::usage,
        .what = fmt::format("{} is {}: it is not unfinished", label_of(row), name_of(row.state)),
        .where = servers_.work.label(),
        .hint = options_.repair == Repair::clear
                    ? "`pgkeep migrate down` takes it back, --forget takes its row "
                      "out of the history."
                    : ""};
  switch (options_.repair) {
  case Repair::accept:
    return accept(row);
  case Repair::forget:
  case Repair::clear:
    return remove(row);
  case Repair::mark_applied:
    return mark_applied(row);
  case Repair::drop_invalid:
    return drop_invalid(row);
  case Repair::look:
    break;
  }
  return {};
}

/// All statements in one transaction; each takes the same parameters.
base::Result<> Mender::change(const std::vector<std::string>& statements,
                              const Parameters& parameters) {
  PGKEEP_CHECK(servers_.work.execute("BEGIN; SET LOCAL search_path = pg_catalog"));
  for (const std::string& statement : statements) {
    if (auto done = servers_.work.query(statement, parameters); !done) {
      static_cast<void>(servers_.work.execute("ROLLBACK"));
      return std::move(done).error();
    }
  }
  return servers_.work.execute("COMMIT");
}

base::Result<> Mender::accept(const HistoryRow& row) {
  const Migration* const file = file_of(row);
  if (file == nullptr)
    return base::Error{.code = base::Code::usage,
                       .what = fmt::format("{} has no file", label_of(row)),
                       .where = row.file,
                       .hint = "Bring it back, or `repair --forget` takes the row out."};
  if (is_unfinished(row))
    return base::Error{.code = base::Code::usage,
                       .what = fmt::format("{} is unfinished", label_of(row)),
                       .where = file->up.path,
                       .hint = "`pgkeep migrate up` takes the new text of what is not done yet."};
  const std::string checksum = checksum_of(file->up);
  const std::string text = text_to_keep(file->up);
  if (checksum == row.checksum && text == row.text) {
    result_.before = {"the file is what was applied"};
    result_.after = {"nothing was changed"};
    return {};
  }
  result_.before = {"checksum " + row.checksum};
  for (const std::string& line : base::split(text_diff(row.text, text), '\n')) {
    if (!line.empty()) result_.before.push_back(line);
  }
  const Parameters parameters = {fmt::format("{}", row.id),
                                 checksum,
                                 fmt::format("{}", kChecksumAlgorithm),
                                 base::sha256_hex(file->up.text),
                                 text,
                                 file->down ? text_to_keep(*file->down) : "",
                                 file->name,
                                 file->up.path};
  PGKEEP_CHECK(change({"UPDATE pgkeep.schema_migrations SET checksum = $2, checksum_algorithm = "
                       "$3, content_sha256 = $4, content = $5, down_content = $6, name = $7, file "
                       "= $8 WHERE id = $1"},
                      parameters));
  result_.after = {"checksum " + checksum};
  return {};
}

base::Result<> Mender::remove(const HistoryRow& row) {
  result_.before = {state_line(row)};
  const Parameters parameters = {fmt::format("{}", row.id)};
  PGKEEP_CHECK(change({"DELETE FROM pgkeep.schema_migrations WHERE id = $1"}, parameters));
  result_.after = {file_of(row) == nullptr ? "not in the history"
                                           : "pending: `pgkeep migrate up` runs it from its start"};
  return {};
}

base::Result<> Mender::mark_applied(const HistoryRow& row) {
  result_.before = {state_line(row)};
  const Migration* const file = file_of(row);
  const Parameters parameters = {fmt::format("{}", row.id),
                                 file == nullptr ? row.checksum : checksum_of(file->up),
                                 file == nullptr ? row.text : text_to_keep(file->up)};
  PGKEEP_CHECK(change({"UPDATE pgkeep.schema_migrations SET state = 'applied', error = '', runner "
                       "= '', checksum = $2, content = $3, undone_at = NULL, finished_at = "
                       "clock_timestamp() WHERE id = $1"},
                      parameters));
  const Parameters id = {fmt::format("{}", row.id)};
  PGKEEP_CHECK(change({"DELETE FROM pgkeep.schema_migration_steps WHERE migration = $1 AND is_down",
                       "UPDATE pgkeep.schema_migration_steps SET state = 'done' WHERE migration = "
                       "$1"},
                      id));
  result_.after = {"state applied"};
  return {};
}

base::Result<> Mender::drop_invalid(const HistoryRow& row) {
  PGKEEP_TRY(const std::vector<std::string> indexes,
             invalid_indexes(servers_.work, row, folder_.values));
  if (indexes.empty()) {
    result_.before = {"it left no INVALID index"};
    result_.after = {"nothing was changed"};
    return {};
  }
  for (const std::string& index : indexes) {
    result_.before.push_back(index + " is INVALID");
    PGKEEP_CHECK(servers_.work.execute("DROP INDEX CONCURRENTLY IF EXISTS " + index));
    result_.after.push_back(index + " is dropped");
  }
  return {};
}

} // namespace

base::Result<RepairResult> repair(const Folder& folder, const RepairOptions& options) {
  PGKEEP_TRY(RunnerLock lock,
             RunnerLock::acquire(options.target, {.waits = options.waits_for_runner}));
  PGKEEP_TRY(Servers servers, open_servers(options.target));
  PGKEEP_CHECK(wait_for_leftover(servers, [](const Event&) {}));
  PGKEEP_TRY(std::vector<HistoryRow> history, read_history(servers.work));
  PGKEEP_CHECK(lock.check());
  return Mender(folder, options, servers, std::move(history)).run();
}

} // namespace pgkeep::migrate
