/// Asks a server what it makes of a query: whether it can be prepared, and by which plan it would
/// run. Nothing is run.
///
/// Threads: as Connection. Sources: PostgreSQL manual, protocol-flow (Extended Query), sql-prepare
/// (generic plans), runtime-config-query (enable_seqscan, plan_cache_mode).
#pragma once

#include <optional>
#include <string>

#include "base/result.h"

namespace pgkeep::postgres {

class Connection;

struct QueryCheck {
  /// Why the server refuses to prepare it; none where it does not.
  std::optional<base::Error> refusal = {};
  int refusal_position = 0; ///< Characters from 1 into the text; 0 = the server did not say.
  /// Why the server could not say: no privilege, a lock, a limit. Empty where it could.
  std::string unasked = {};
  /// EXPLAIN (VERBOSE, FORMAT JSON) of the generic plan, with sequential scans switched off: one
  /// that is left has no index that could serve it. Empty where there is no plan.
  std::string plan = {};
};

/// In a read-only transaction that is rolled back. Errors: Code::unreachable, Code::timeout where
/// nothing more can be asked of this server.
base::Result<QueryCheck> check_query(Connection& server, const std::string& sql);

} // namespace pgkeep::postgres
