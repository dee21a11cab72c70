/// target_session_attrs: whether a server that reported so of itself is one that is wanted.
///
/// Pure. Threads: any. Source: PgBouncer's manual, config (target_session_attrs); PostgreSQL
/// manual, protocol-async (in_hot_standby, default_transaction_read_only; 14 and later).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pool/definitions.h"

namespace pgkeep::pool {

/// What a server does not say is not what was wanted, but for `any`.
bool has_attributes(SessionAttributes wanted,
                    const std::vector<std::pair<std::string, std::string>>& parameters);

} // namespace pgkeep::pool
