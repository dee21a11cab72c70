/// How the fixes of a report are cut into files. Private to findings; plan_fix_files() is the way
/// in.
///
/// A file holds statements of one kind (see statement.h), one phase and one safety class. Types,
/// keys and indexes come one object a file, so that each can be run, watched and run again alone;
/// settings, roles, repairs and maintenance one rule a file.
#pragma once

#include <string>
#include <vector>

#include "findings/lookup.h"
#include "findings/report.h"
#include "findings/statement.h"

namespace pgkeep::findings {

/// What one finding contributes to one file.
struct Piece {
  const Finding* finding = nullptr;
  const Rule* rule = nullptr; ///< May be null.
  std::vector<std::string> statements = {};
  std::vector<std::string>
      undo; ///< Only the first piece of a fix has it: it takes back the whole fix.
  std::vector<std::string>
      left_out; ///< Statements that contradict an earlier one, shown as comments.
  bool is_first = false;
};

/// One file to be.
struct Batch {
  StatementKind kind = StatementKind::transactional;
  Phase phase = Phase::keys;
  Safety safety = Safety::online;
  std::vector<Piece> pieces;
};

/// In the order of application.
std::vector<Batch> plan_batches(const Report& report);

} // namespace pgkeep::findings
