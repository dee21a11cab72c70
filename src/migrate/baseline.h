/// Takes what a database has as applied: `pgkeep migrate baseline`.
///
/// Another tool's history table is read, never changed: its versions are matched with the folder's
/// files, and those are recorded as `baseline` in pgkeep's history, in one transaction. Without
/// one, every file up to a version is.
///
/// Threads: one. Errors: usage (no such version or tool), config (several histories), the server's.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "migrate/folder.h"
#include "migrate/plan.h"
#include "postgres/conn.h"

namespace pgkeep::migrate {

struct BaselineOptions {
  std::string target; ///< libpq's.
  std::string tool;   ///< "pgkeep 0.1.0".
  /// Everything up to it is there; no other tool's table is read then.
  std::optional<Version> version = {};
  std::string from = "auto"; ///< A name of baseline_tools(), "auto" or "none".
  bool is_dry_run = false;
  bool waits_for_runner = true;
};

struct BaselineResult {
  std::string tool;                      ///< "Flyway"; empty = no other tool's history was read.
  std::string table;                     ///< "public.flyway_schema_history".
  std::vector<std::string> recorded;     ///< Labels of migrations; with a dry run, what would be.
  std::vector<std::string> known;        ///< In pgkeep's history already.
  std::vector<std::string> without_file; ///< What the other tool applied and no file here is.
  std::vector<std::string> pending;      ///< Files that are not applied.
  std::vector<Problem> problems;         ///< Nothing was recorded because of these.
};

base::Result<BaselineResult> take_baseline(const Folder& folder, const BaselineOptions& options);

/// Names for `from`: "flyway", "liquibase" ...
std::vector<std::string_view> baseline_tools();

/// Code::config where another tool's history is there and pgkeep's is not: migrations that were
/// applied would be run again.
base::Result<> check_no_foreign_history(postgres::Connection& server);

} // namespace pgkeep::migrate
