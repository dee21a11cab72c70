/// A rehearsal of migrations on a throwaway server: all of them up, down and up again, with the
/// schema and the rows held against what was there before each, and every statement traced.
///
/// Not for real databases: it changes what it is given, and nothing is recorded in the history.
/// Threads: one, beside the tracer's sampler. Errors: of the server and the connection; what is
/// wrong with the migrations is no error but a problem of the result.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/diff.h"
#include "migrate/folder.h"
#include "migrate/trace.h"
#include "sandbox/like.h"
#include "sandbox/plans.h"
#include "sandbox/sandbox.h"

namespace pgkeep::migrate {

struct RehearsalProblem {
  std::string_view kind; ///< "up-failed", "down-failed", "schema-differs", "rows-differ",
                         ///< "up-again-failed", "up-again-differs", "not-repeatable",
                         ///< "hook-failed", "check-failed".
  std::string migration; ///< "V003 add_note".
  std::string file;      ///< With line and column where there is a place.
  std::string text;      ///< One sentence, no full stop.
  std::vector<std::string> details = {};
  std::string hint = {};
};
struct RehearsedMigration {
  std::string label;
  std::string file;
  std::vector<TracedStep> up = {};
  std::vector<TracedStep> down = {};
};
struct Rehearsal {
  std::vector<RehearsedMigration> migrations = {};
  std::vector<RehearsalProblem> problems = {};
  std::vector<std::string> notes = {};
  int went_down = 0; ///< Migrations that were taken down and brought up again.
};

struct RehearsalOptions {
  std::vector<const Migration*> todo;  ///< In order; versioned ones, then repeatable ones.
  std::span<const Hook> hooks = {};    ///< The folder's.
  const sandbox::Live* live = nullptr; ///< Null: no sizes to compare with.
  sandbox::PlanRoom* plans = nullptr;  ///< Null: no plans at the live size.
  /// What is being done now, of how much.
  std::function<void(int done, int total, const std::string& what)> tell = {};
};
base::Result<Rehearsal> rehearse(sandbox::Sandbox& server, const std::string& database,
                                 const RehearsalOptions& options);

/// The hooks of a moment on a throwaway server, untraced.
base::Result<> run_hooks_there(const sandbox::Sandbox& server, const std::string& database,
                               std::span<const Hook> hooks, Moment moment);

/// The steps of one direction of a migration on a throwaway server. A role that a statement names
/// and that is missing is made, without login.
base::Result<std::vector<TracedStep>> run_steps_traced(Tracer& tracer, Servers& servers,
                                                       const sandbox::Sandbox& server,
                                                       const Source& source,
                                                       const catalog::Snapshot* known);

} // namespace pgkeep::migrate
