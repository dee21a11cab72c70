/// Whether a database is what its migrations say: the history beside the files, what did not reach
/// its end, and the live schema beside the one that the applied files produce on a throwaway server
/// of the same major version.
///
/// Reads the database only, but for checks (check.h), whose work is rolled back. Threads: one.
/// Errors: those of the server; unsupported where no server programs of its version are here and
/// drift is asked for.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/diff.h"
#include "migrate/folder.h"
#include "migrate/plan.h"
#include "postgres/conn.h"

namespace pgkeep::migrate {

struct VerifyOptions {
  bool looks_for_drift = true;
  /// Where the checks of applied migrations are asked; nothing: they are not.
  std::optional<std::string> target = {};
  bool allows_gaps = false;
  catalog::DiffOptions differences = {
      .ignore_owners = true, .ignore_grants = true, .ignore_settings = true};
  std::optional<std::filesystem::path> pg_bin = {};
  std::function<void(int done, int total, const std::string& what)> tell = {};
};
struct Verified {
  std::vector<Problem> problems = {}; ///< Files, order, what is unfinished.
  /// "removed": the files make it and the database does not have it; "added": the other way round.
  std::vector<catalog::Difference> drift = {};
  std::vector<std::string> unknown = {}; ///< What could not be compared, and why.
  std::vector<std::string> notes = {};
  int applied = 0;
  int checks = 0; ///< That were asked.
  bool has_compared = false;
  [[nodiscard]] bool is_clean() const { return problems.empty() && drift.empty(); }
};
base::Result<Verified> verify(const Folder& folder, postgres::Connection& server,
                              const VerifyOptions& options);

/// "index public.orders_total is in the database, and no migration makes it". Pure.
std::string drift_line(const catalog::Difference& difference);

/// The difference is the history table of another tool, which no file makes. Pure.
bool is_foreign_history(const catalog::Difference& difference);

} // namespace pgkeep::migrate
