/// Statements outside of transactions after a run that was cut off: what of them is there already,
/// what is half-done and must go first.
///
/// Threads: as Connection. Source: PostgreSQL manual, sql-createindex and sql-reindex (building
/// indexes concurrently), sql-altertable (DETACH PARTITION CONCURRENTLY).
#pragma once

#include <string>

#include "base/result.h"
#include "migrate/polite.h"
#include "migrate/steps.h"

namespace pgkeep::migrate {

enum class Found : std::uint8_t {
  nothing, ///< Run it.
  done,    ///< It is done: the run was cut off before it could say so.
};

/// Looks, and clears what an earlier try left: an INVALID index is dropped (concurrently), a
/// pending detach is finalized. was_begun: this very step of ours had begun.
base::Result<Found> clear_way(Servers& servers, const PoliteStep& step, bool was_begun);

/// Waits until no other session of ours is at work here: one that a killed runner left goes on by
/// itself. Call only with the runner's lock.
base::Result<> wait_for_leftover(Servers& servers, const std::function<void(Event)>& tell);

} // namespace pgkeep::migrate
