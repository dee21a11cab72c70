/// An ALTER TABLE that would rewrite a big table, through a new table beside it: rows copied in
/// keyset batches, changes caught by a trigger meanwhile, a swap under a short lock.
///
/// Threads: one, beside that of Watch.
#pragma once

#include "base/json.h"
#include "base/result.h"
#include "migrate/history.h"
#include "migrate/polite.h"
#include "migrate/steps.h"

namespace pgkeep::migrate {

/// Goes on where `position` (of the step's record) says; null begins.
base::Result<Outcome> run_shadow(Servers& servers, const PoliteStep& step, const StepKey& key,
                                 const base::Json& position, const Patience& patience);

} // namespace pgkeep::migrate
