/// An ALTER TABLE that would rewrite a big table, through a new table beside it: rows copied in
/// keyset batches, changes caught by a trigger meanwhile, a swap under a short lock.
///
/// Threads: one, beside that of Watch. Errors: Code::config for a directive or a statement that
/// cannot be done this way, Code::unsupported for a table that cannot (naming what is in the way),
/// Code::timeout when a lock could not be had, Code::corrupt when the copy differs from the table,
/// the server's. `left` says what stands in the database, and how to go on or to be rid of it.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "migrate/history.h"
#include "migrate/polite.h"
#include "migrate/steps.h"

namespace pgkeep::migrate {

/// Goes on where `position` (of the step's record) says; null begins.
base::Result<Outcome> run_shadow(Servers& servers, const PoliteStep& step, const StepKey& key,
                                 const base::Json& position, const Patience& patience);

/// Takes away every shadow table that did not reach its swap, with its log, triggers and function;
/// the steps that made them begin anew. Call only with the runner's lock. Returns the names of the
/// tables that were being rewritten.
base::Result<std::vector<std::string>> abort_shadows(Servers& servers, const Patience& patience,
                                                     const std::function<void(Event)>& tell);

/// Drops the old tables that swaps kept. Returns their names.
base::Result<std::vector<std::string>> drop_kept(Servers& servers, const Patience& patience,
                                                 const std::function<void(Event)>& tell);

} // namespace pgkeep::migrate
