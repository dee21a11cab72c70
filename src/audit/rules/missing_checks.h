/// Judges of checks that names promise and nobody wrote, whose rows stand in constraints.cc.
/// Private to audit/rules.
#pragma once

#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {

void status_without_check(const Snapshot& db, const Limits& limits, Sink& out);
void check_missing_range(const Snapshot& db, const Limits& limits, Sink& out);

} // namespace pgkeep::audit
