/// Judges of whole tables, whose rows stand in keys.cc. Private to audit/rules.
#pragma once

#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {

void table_inheritance(const Snapshot& db, const Limits& limits, Sink& out);
void table_without_columns(const Snapshot& db, const Limits& limits, Sink& out);
void too_many_columns(const Snapshot& db, const Limits& limits, Sink& out);
void identifier_too_long(const Snapshot& db, const Limits& limits, Sink& out);
void unlogged_in_production(const Snapshot& db, const Limits& limits, Sink& out);
void column_order_padding(const Snapshot& db, const Limits& limits, Sink& out);

} // namespace pgkeep::audit
