/// The head of a report: what was looked at, when, and what one must know before believing it.
/// Private to src/audit. Pure; any thread.
#pragma once

#include <string>

#include "catalog/snapshot.h"
#include "findings/limits.h"
#include "findings/report.h"

namespace pgkeep::audit {

/// Fills target, title and notes.
void fill_head(findings::Report& report, const catalog::Snapshot& db,
               const findings::Limits& limits);

/// "3 h": since when the counters count.
std::string counters_age_text(const catalog::Snapshot& db);

} // namespace pgkeep::audit
