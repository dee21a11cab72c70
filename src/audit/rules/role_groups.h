/// What a role is for, as far as names and memberships tell: shared by the role and privilege
/// families. Pure.
#pragma once

#include <string>
#include <vector>

#include "audit/rules/rule_tools.h"

namespace pgkeep::audit {

/// A person's or the server's own administration: "postgres", names with admin or dba, and the
/// roles of managed hosts.
bool is_administrative(std::string_view role);
/// Replication and backup accounts, by name ("backup", "replic", "standby", ...) .
bool is_for_copies(std::string_view role);
/// Statements that give a role the everyday rights on every schema with user tables: what it keeps
/// when SUPERUSER goes.
std::vector<std::string> everyday_grants(const Snapshot& db, std::string_view role);

} // namespace pgkeep::audit
