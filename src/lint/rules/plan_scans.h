/// Scans of a plan that no index narrows, read from EXPLAIN (VERBOSE, FORMAT JSON) of a query that
/// was planned with sequential scans switched off. Private to src/lint/rules. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lint/schema.h"

namespace pgkeep::lint {

struct FullScan {
  RelationName relation = {};
  std::string filter = {}; ///< Or the condition of a join, as EXPLAIN writes it.
  /// Columns that an index could look up: compared by = or IN, and by <, >, BETWEEN.
  std::vector<std::string> equated = {};
  std::vector<std::string> ranged = {};
};
/// Those with a filter, and those that are joined with few rows of another table. Empty for text
/// that is no plan.
std::vector<FullScan> full_scans_in(std::string_view plan, const Schema& schema);

} // namespace pgkeep::lint
