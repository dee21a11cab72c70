/// Mends pgkeep's own history: `pgkeep migrate repair`. One thing a call, under the runner's lock.
///
/// Threads: one. Errors: usage (nothing of that name, or it is in no such state), the server's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "migrate/folder.h"
#include "migrate/plan.h"

namespace pgkeep::migrate {

enum class Repair : std::uint8_t {
  look,         ///< Changes nothing.
  accept,       ///< An edited file becomes what was applied.
  forget,       ///< The row goes; the migration is pending again where its file is there.
  clear,        ///< An unfinished migration was taken back by hand: its row goes.
  mark_applied, ///< An unfinished migration was brought to its end by hand.
  drop_invalid, ///< INVALID indexes that its steps left are dropped.
};

struct RepairOptions {
  std::string target; ///< libpq's.
  std::string tool;   ///< "pgkeep 0.1.0".
  Repair repair = Repair::look;
  std::string migration = {}; ///< "012", "V012", "R views", "R__views"; not for look.
  bool waits_for_runner = true;
};

struct RepairResult {
  std::vector<Problem> problems;   ///< What is wrong; of look alone.
  std::string migration;           ///< Label of what was mended.
  std::vector<std::string> before; ///< Lines.
  std::vector<std::string> after;
};

base::Result<RepairResult> repair(const Folder& folder, const RepairOptions& options);

} // namespace pgkeep::migrate
