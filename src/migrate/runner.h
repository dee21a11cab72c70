/// Runs migrations on a database: `pgkeep migrate up` and `down`.
///
/// Kill it at any point and run it again: the history says which steps are done, and the rest is
/// done once. Threads: one, beside that of Watch. Errors: as design.md maps them; `left` says what
/// was done before one and how to go on, and is empty where this call changed nothing.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/snapshot.h"
#include "findings/report.h"
#include "migrate/events.h"
#include "migrate/folder.h"
#include "migrate/plan.h"
#include "migrate/polite.h"

namespace pgkeep::migrate {

struct RunOptions {
  std::string target; ///< libpq's.
  std::string tool;   ///< "pgkeep 0.1.0".
  std::optional<Version> to = {};
  bool allows_gaps = false;
  bool waits_for_runner = true;
  Patience patience = {};
  std::set<std::string> allowed = {}; ///< Rules whose dangers are accepted.
  findings::Limits limits = {};
  Observer observer = {};
  /// Reads the database, for sizes: called once the runner's lock is held.
  std::function<base::Result<catalog::Snapshot>()> read_database = {};
};

/// What came of a run.
struct RunResult {
  std::vector<Problem> problems;           ///< Nothing was run because of these.
  std::optional<findings::Report> refused; ///< Nothing was run because of these dangers.
  std::vector<std::string> done;           ///< Labels of the migrations that reached their end.
};

base::Result<RunResult> run_up(const Folder& folder, const RunOptions& options);
base::Result<RunResult> run_down(const Folder& folder, const RunOptions& options);

/// The findings of the rules on files that are to be run, hooks among them, those of `allowed` left
/// out: what stands in them as an error is refused. `server` is asked about syntax that is newer
/// than ours.
base::Result<findings::Report> judge(const Folder& folder, const std::vector<Planned>& todo,
                                     const catalog::Snapshot* database, int server_major,
                                     const std::set<std::string>& allowed,
                                     const findings::Limits& limits, postgres::Connection& server);

/// Both connections of a run, with what migrations need: no limits of ours, the role's search_path.
/// What the server says beside its answers goes to the observer.
base::Result<Servers> open_servers(const std::string& target, const Observer& observer = {});

} // namespace pgkeep::migrate
