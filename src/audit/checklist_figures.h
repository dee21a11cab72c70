/// What the Snapshot itself says about a line of a going-live checklist, beside the rules: figures
/// for the evidence, and the answer where no rule can give it. Private to audit.
///
/// Pure functions; any thread. Sources: the guides' checklists (daily backups, monthly drills).
#pragma once

#include <optional>
#include <string>

#include "catalog/snapshot.h"
#include "findings/report.h"

namespace pgkeep::audit {

struct Look {
  std::optional<findings::Answer> answer = {}; ///< Empty: the rules decide.
  std::string figures = {}; ///< One clause without a full stop. A line never passes without it.
};

// No rule answers these: they always decide.
Look look_at_migrations(const catalog::Snapshot& db);
Look look_at_alerts(const catalog::Snapshot& db);
Look look_at_monitoring(const catalog::Snapshot& db);
Look look_at_plans(const catalog::Snapshot& db);
Look look_at_parameters(const catalog::Snapshot& db);
Look look_at_extensions(const catalog::Snapshot& db);
// These may decide, and otherwise give figures to the rules.
Look look_at_backups(const catalog::Snapshot& db);
Look look_at_pooler(const catalog::Snapshot& db);
Look look_at_index_proof(const catalog::Snapshot& db);
// Figures only.
Look look_at_secrets(const catalog::Snapshot& db);
Look look_at_roles(const catalog::Snapshot& db);
Look look_at_timeouts(const catalog::Snapshot& db);
Look look_at_foreign_keys(const catalog::Snapshot& db);
Look look_at_tls(const catalog::Snapshot& db);
Look look_at_constraints(const catalog::Snapshot& db);
Look look_at_query_paths(const catalog::Snapshot& db);
Look look_at_transactions(const catalog::Snapshot& db);

} // namespace pgkeep::audit
