/// What was done to a database, in its own tables: pgkeep.schema_migrations, a row a migration, and
/// pgkeep.schema_migration_steps, a row a step.
///
/// A row is written before its first step ("running"); each step is marked done in the transaction
/// that does it, and only by the runner whose token the row holds, so that two runners cannot both
/// do one. Everything is qualified: the search_path of migrations does not matter here.
///
/// Threads: as Connection. Errors: the server's; Code::corrupt for tables of a newer pgkeep.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "migrate/folder.h"
#include "migrate/steps.h"
#include "postgres/conn.h"

namespace pgkeep::migrate {

/// Of a migration's row.
enum class State : std::uint8_t {
  running, ///< Begun, not at its end: a runner is at work, or was killed.
  failed,  ///< Stopped by an error; `up` goes on behind the steps that are done.
  applied,
  baseline, ///< It was there before pgkeep came: taken as applied.
  undoing,  ///< On its way down.
  undone,
};
std::string_view name_of(State state) noexcept;

struct HistoryRow {
  std::int64_t id = 0;
  Kind kind = Kind::versioned;
  std::string key = {}; ///< Migration::key().
  std::string version = {};
  std::string name = {};
  std::string file = {};
  std::string checksum = {};
  std::string text = {};      ///< As it was applied; passwords left out.
  std::string down_text = {}; ///< Empty = none.
  State state = State::running;
  int steps_done = 0;
  int steps_total = 0;
  std::string applied_by = {};
  std::string tool = {};       ///< "pgkeep 0.1.0", "flyway".
  std::string started_at = {}; ///< ISO 8601, UTC.
  std::string finished_at = {};
  std::int64_t duration_ms = 0;
  std::string error = {};
};

struct StepRow {
  int number = 0; ///< From 1.
  bool is_down = false;
  std::string kind;
  std::string title;
  std::string digest;
  std::string state;   ///< "pending", "running", "done".
  base::Json position; ///< Where a batch or a shadow copy is.
  std::int64_t rows = 0;
  std::int64_t attempts = 0;
  std::int64_t waited_ms = 0;
  std::int64_t duration_ms = 0;
};

/// Whether the tables are there.
base::Result<bool> has_history(postgres::Connection& server);
/// Makes schema and tables where they are missing.
base::Result<> make_history(postgres::Connection& server);
/// In the order in which they were begun; those that were undone only with `with_undone`. Empty
/// where there are no tables.
base::Result<std::vector<HistoryRow>> read_history(postgres::Connection& server,
                                                   bool with_undone = false);
base::Result<std::vector<StepRow>> read_steps(postgres::Connection& server, std::int64_t id,
                                              bool is_down);

/// Equal for steps that do the same: what the history compares.
std::string step_digest(const Step& step);

struct Runner {
  std::string token; ///< Of this run alone.
  std::string tool;  ///< "pgkeep 0.1.0".
};
/// Begins a migration, or takes over the row of one that did not reach its end: its steps that are
/// not done become these. Returns the row's id.
base::Result<std::int64_t> begin_migration(postgres::Connection& server, const Runner& runner,
                                           const Migration& migration, const std::string& checksum,
                                           const std::vector<Step>& steps);
/// The same for the way down of a row that is applied or failed.
base::Result<> begin_undo(postgres::Connection& server, const Runner& runner, std::int64_t id,
                          const std::vector<Step>& steps);

/// Names a step of a run.
struct StepKey {
  std::int64_t id = 0;
  int number = 0;
  bool is_down = false;
  std::string token;
};
/// SQL of one statement, to stand in the step's own transaction: it fails where another runner has
/// taken over.
std::string step_done_sql(const StepKey& key, std::int64_t rows);
std::string step_position_sql(const StepKey& key, const base::Json& position, std::int64_t rows);
base::Result<> mark_step_running(postgres::Connection& server, const StepKey& key);
base::Result<> add_step_cost(postgres::Connection& server, const StepKey& key,
                             std::int64_t attempts, std::int64_t waited_ms,
                             std::int64_t duration_ms);
/// Ends a run: applied, failed, undone.
base::Result<> finish_migration(postgres::Connection& server, const Runner& runner, std::int64_t id,
                                State state, const std::string& error);

/// After a way down, what repeatable files made may be gone with it: they run again.
base::Result<> forget_repeatable(postgres::Connection& server);

/// The text as the history keeps it: statements that hold a password are left out.
std::string text_to_keep(const Source& source);

} // namespace pgkeep::migrate
