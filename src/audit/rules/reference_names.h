/// Judges of references that only names show, whose rows stand in foreign_keys.cc. Private to
/// audit/rules.
#pragma once

#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {

void foreign_key_missing(const Snapshot& db, const Limits& limits, Sink& out);
void array_as_relation(const Snapshot& db, const Limits& limits, Sink& out);

} // namespace pgkeep::audit
