/// One golden case of an audit rule: its files, the snapshot they make, and the lines to compare.
///
/// A folder tests/golden/audit/<rule-id>/ holds flags.sql and leaves.sql, or flags.json and
/// leaves.json (patches of base.json), expected.txt, and perhaps limits.toml.
/// Files are read at run time from PGKEEP_GOLDEN_DIR (set by CMake), so that a changed case needs
/// no build. Threads: none of its own.
#pragma once

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "catalog/snapshot.h"
#include "findings/limits.h"
#include "findings/report.h"

namespace pgkeep::test {

struct AuditCase {
  std::string rule;
  std::filesystem::path folder;
  bool has_json = false;
  bool has_sql = false;
  /// Each of flags, leaves and expected.txt that is missing, for the message of the test.
  std::vector<std::string> missing = {};
};
/// GoogleTest prints the parameter of a failed test.
inline void PrintTo(const AuditCase& golden, std::ostream* out) {
  *out << golden.rule;
}

/// Every folder below tests/golden/audit, by name.
std::vector<AuditCase> audit_cases();
std::filesystem::path golden_directory();

/// base.json as a Snapshot, with this patch on it (null: as it is).
base::Result<catalog::Snapshot> patched_snapshot(const base::Json& patch, const std::string& name);
/// Merges a patch: objects member by member; items of arrays by their identity (see same_item());
/// {"$replace": [...]} in place of an array replaces it.
void merge_patch(base::Json& target, const base::Json& patch);

/// The limits of the case: limits.toml where there is one, else the defaults.
base::Result<findings::Limits> limits_of(const AuditCase& golden);

/// Judges one rule.
base::Result<findings::Report> judge_one(const catalog::Snapshot& db, const std::string& rule,
                                         const findings::Limits& limits);

/// "<severity> <object> <safety>", sorted; "-" for what a finding has not.
std::vector<std::string> finding_lines(const findings::Report& report);
std::vector<std::string> expected_lines(const AuditCase& golden);
/// With PGKEEP_UPDATE_GOLDEN in the environment (tools/update-golden) writes the lines to
/// expected.txt in place of comparing; the reviewer reads the difference.
void update_expected(const AuditCase& golden, const std::vector<std::string>& lines);
/// Why each skip happened, for messages.
std::string skip_reasons(const findings::Report& report);
/// What is wrong with the form of a finding (style.md 6: evidence, figures, a fix that says why it
/// is manual); empty = nothing.
std::vector<std::string> faults_of(const findings::Finding& finding);

} // namespace pgkeep::test
