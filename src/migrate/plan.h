/// What is to be done: the files of a folder beside the history of a database.
///
/// Pure functions; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/snapshot.h"
#include "migrate/folder.h"
#include "migrate/history.h"
#include "migrate/steps.h"

namespace pgkeep::migrate {

struct Planned {
  const Migration* migration = nullptr; ///< The folder owns it.
  std::string checksum;
  std::vector<Step> steps;
  /// Of a migration that did not reach its end.
  std::optional<HistoryRow> unfinished = {};
};

/// Why nothing may be run.
struct Problem {
  std::string_view kind; ///< "edited", "missing-file", "out-of-order", "unfinished-undo",
                         ///< "requires", "conflict".
  std::string migration; ///< "V003 add_note".
  std::string file;
  std::string text; ///< One sentence, no full stop.
  std::string diff = {};
  std::string hint;
};

struct Plan {
  std::vector<Planned> todo;
  std::vector<Problem> problems;
};

struct PlanOptions {
  std::optional<Version> to = {}; ///< Later versions stay pending, repeatable ones too.
  bool allows_gaps = false;       ///< Versions below the newest applied one are run.
  const catalog::Snapshot* database = nullptr;
  int server_major = 15;
};
/// Errors: those of steps_of().
base::Result<Plan> plan_up(const Folder& folder, std::span<const HistoryRow> history,
                           const PlanOptions& options);

/// Which migrations go down, the newest first. `to`: the version that stays; "0" for none.
/// Errors: usage (no such version), config (no way down), or what is unfinished.
struct DownOptions {
  std::optional<Version> to = {}; ///< Left out: the newest one alone goes down.
  const catalog::Snapshot* database = nullptr;
  int server_major = 15;
};
struct PlannedDown {
  const Migration* migration = nullptr;
  HistoryRow row;
  std::vector<Step> steps;
};
base::Result<std::vector<PlannedDown>>
plan_down(const Folder& folder, std::span<const HistoryRow> history, const DownOptions& options);

/// Compares checksums, files and order: what `verify` and `up` both insist on.
std::vector<Problem> problems_of(const Folder& folder, std::span<const HistoryRow> history,
                                 bool allows_gaps);

} // namespace pgkeep::migrate
