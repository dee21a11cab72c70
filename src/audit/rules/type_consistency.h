/// The judge of one name with several types, whose row stands in types.cc. Private to audit/rules.
#pragma once

#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {

void column_type_inconsistent(const Snapshot& db, const Limits& limits, Sink& out);

} // namespace pgkeep::audit
