/// The one list of families: each file of rules/ defines one span. Private to this folder.
#pragma once

#include <span>

#include "findings/report.h"
#include "findings/rule.h"

namespace pgkeep::audit {

// rules/durability.cc, memory.cc, planner.cc, versions.cc
extern const std::span<const findings::Rule> durability_rules;
extern const std::span<const findings::Rule> memory_rules;
extern const std::span<const findings::Rule> planner_rules;
extern const std::span<const findings::Rule> version_rules;
// rules/timeouts.cc, connections.cc, locks.cc, logging.cc, extensions.cc, pooler.cc
extern const std::span<const findings::Rule> timeout_rules;
extern const std::span<const findings::Rule> connection_rules;
extern const std::span<const findings::Rule> lock_rules;
extern const std::span<const findings::Rule> logging_rules;
extern const std::span<const findings::Rule> extension_rules;
extern const std::span<const findings::Rule> pooler_rules;
// rules/keys.cc, foreign_keys.cc, constraints.cc, sequences.cc, types.cc, partitions.cc
extern const std::span<const findings::Rule> key_rules;
extern const std::span<const findings::Rule> foreign_key_rules;
extern const std::span<const findings::Rule> constraint_rules;
extern const std::span<const findings::Rule> sequence_rules;
extern const std::span<const findings::Rule> type_rules;
extern const std::span<const findings::Rule> partition_rules;
// rules/indexes.cc, index_use.cc, queries.cc
extern const std::span<const findings::Rule> index_rules;
extern const std::span<const findings::Rule> index_use_rules;
extern const std::span<const findings::Rule> query_rules;
// rules/bloat.cc, vacuum.cc, wraparound.cc, statistics.cc
extern const std::span<const findings::Rule> bloat_rules;
extern const std::span<const findings::Rule> vacuum_rules;
extern const std::span<const findings::Rule> wraparound_rules;
extern const std::span<const findings::Rule> statistics_rules;
// rules/archiving.cc, replication.cc, slots.cc, capacity.cc, host.cc
extern const std::span<const findings::Rule> archiving_rules;
extern const std::span<const findings::Rule> replication_rules;
extern const std::span<const findings::Rule> slot_rules;
extern const std::span<const findings::Rule> capacity_rules;
extern const std::span<const findings::Rule> host_rules;
// rules/roles.cc, passwords.cc, hba.cc, tls.cc, privileges.cc, functions.cc, row_security.cc,
// secrets.cc
extern const std::span<const findings::Rule> role_rules;
extern const std::span<const findings::Rule> password_rules;
extern const std::span<const findings::Rule> hba_rules;
extern const std::span<const findings::Rule> tls_rules;
extern const std::span<const findings::Rule> privilege_rules;
extern const std::span<const findings::Rule> function_rules;
extern const std::span<const findings::Rule> row_security_rules;
extern const std::span<const findings::Rule> secret_rules;

/// checklists.cc: the going-live checklists of the guides, answered from the findings and the
/// Snapshot.
std::vector<findings::Checklist> answer_checklists(const catalog::Snapshot& db,
                                                   const findings::Report& report);

} // namespace pgkeep::audit
