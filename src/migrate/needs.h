/// What a migration needs beside its place in the order: `-- pgkeep:requires 003, create_users`,
/// and the dependencies of sqitch's plan.
///
/// Threads: pure functions.
#pragma once

#include <string>
#include <vector>

#include "lint/script.h"

namespace pgkeep::migrate {

struct Need {
  std::string name;         ///< "003", "V003", "create_users", "V003__create_users", "R__totals".
  std::string where = {};   ///< "V007__x.sql:2:1".
  bool is_conflict = false; ///< It must not be there.
};

/// Those that the file's comments name.
std::vector<Need> needs_in(const lint::Script& script);

struct Migration;
bool is_named_by(const Migration& migration, const Need& need);

} // namespace pgkeep::migrate
