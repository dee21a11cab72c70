/// The going-live checklist: judges a Snapshot by every rule and answers the checklists.
///
/// For: turning one Snapshot into one Report. Not for: opening connections or reading files (the
/// caller fills Snapshot::outside). Threads: pure functions; any number at the same time.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "catalog/snapshot.h"
#include "findings/report.h"

namespace pgkeep::audit {

/// Every rule, in the order of findings::Area, then of its family's file.
std::span<const findings::Rule* const> all_rules();

struct Options {
  findings::Limits limits;
  std::vector<std::string> only = {}; ///< Rule ids, aliases or area names; empty = all.
  std::vector<std::string> skip = {}; ///< The same, left out.
};
/// Whether every word of only and skip is known. Errors: Code::usage for an unknown rule or area,
/// naming the nearest.
base::Result<> check_selection(const Options& options);
/// Errors: as check_selection().
base::Result<findings::Report> judge(const catalog::Snapshot& db, const Options& options);

/// Adds what the rules about the inside of a database say of another database of the same server:
/// objects, and reasons of what could not look, begin with its name. `first` is what the report was
/// judged from. Errors: as check_selection().
base::Result<> add_database(findings::Report& report, const catalog::Snapshot& first,
                            const catalog::Snapshot& other, const Options& options);

} // namespace pgkeep::audit
