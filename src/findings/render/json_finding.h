/// One finding as the report in JSON has it. Private to findings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "findings/finding.h"
#include "findings/rule.h"

namespace pgkeep::findings {

/// Stands where the first finding of a report is to be written; nothing was.
base::JsonWriter writer_in_list();

/// `rule` is the finding's; null where the report does not list it.
void write_finding(base::JsonWriter& out, const Finding& finding, const Rule* rule);

/// The same in its parts, in this order. All findings of a rule and a severity begin in the same
/// way, and many that follow each other have the same fix.
void begin_finding(base::JsonWriter& out, std::string_view id, Severity severity, const Rule* rule);
void write_what(base::JsonWriter& out, const Finding& finding);
void write_fix(base::JsonWriter& out, const Fix& fix);
void end_finding(base::JsonWriter& out, const Finding& finding);

void write_list(base::JsonWriter& out, std::string_view name, const std::vector<std::string>& list);

} // namespace pgkeep::findings
