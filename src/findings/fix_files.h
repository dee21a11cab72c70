/// Writes the fixes of a report as migration files V<N>__<what>.sql, each with
/// V<N>__<what>.down.sql.
///
/// Ordered by Phase; every file opens with a comment that says why (the rule, the evidence) and
/// what locks to expect; statements that cannot run in a transaction (CONCURRENTLY, ALTER SYSTEM,
/// VACUUM) stand in files of their own, as one statement a line group. Equal statements are written
/// once. Manual fixes are listed in README.md beside the files, with the reason. Existing files are
/// never overwritten: numbering goes on after the highest V<N> in the folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "findings/report.h"

namespace pgkeep::findings {

struct FixFile {
  std::string name; ///< "V007__index_orders_customer_id.sql".
  std::string up;
  std::string down;
  std::vector<std::string> rules;
};
/// Pure: what would be written after number `last`.
std::vector<FixFile> plan_fix_files(const Report& report, int last);
/// Returns the names written. Errors: io; what was already written is named in `left`.
base::Result<std::vector<std::string>> write_fix_files(const Report& report,
                                                       const std::filesystem::path& directory);

} // namespace pgkeep::findings
