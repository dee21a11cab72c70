/// Findings about one server setting: evidence, and a fix that works where the value comes from.
///
/// ALTER SYSTEM writes postgresql.auto.conf, which wins over postgresql.conf but not over the
/// server's command line, and which managed hosts keep to themselves; set_server() says so instead
/// of promising a statement that would do nothing. Pure; any thread.
/// Source: PostgreSQL manual, config-setting (Parameter Interaction via the Configuration File, via
/// the Shell) and sql-altersystem.
#pragma once

#include <string>
#include <string_view>

#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {

/// The setting, or null after telling the sink that it is not visible (hidden by privilege, or
/// unknown to this version).
const catalog::Setting* look_at(const Snapshot& db, std::string_view name, Sink& out);

/// alter_system(), but manual (with the statement) where ALTER SYSTEM would not take effect.
Fix set_server(const Snapshot& db, std::string_view name, std::string_view value);

/// {"setting", "value", "source", "file", "line"}: the figure and where it stands.
Json setting_evidence(const catalog::Setting& setting);

/// "0" -> "off", a number with its unit as PostgreSQL prints it ("128 MB", "30 s").
std::string shown_value(const Snapshot& db, std::string_view name);

/// A finding about a setting: object, evidence and fix are filled.
Finding setting_finding(const Snapshot& db, std::string_view name, std::string message, Fix fix);

/// For evidence: bytes and counts have no fraction.
inline std::int64_t whole(double number) {
  return static_cast<std::int64_t>(number);
}

/// The items of a list setting such as shared_preload_libraries ("a, \"b c\"").
std::vector<std::string> list_items(std::string_view value);

/// The right side of ALTER SYSTEM SET for a list setting: each item a literal of its own, for one
/// literal that holds a comma would be taken as one name.
std::string list_literals(const std::vector<std::string>& items);

} // namespace pgkeep::audit
