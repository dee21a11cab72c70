/// INVALID indexes that steps which were cut off left behind. Private to src/migrate.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "migrate/history.h"
#include "postgres/conn.h"

namespace pgkeep::migrate {

/// Quoted and qualified names: of the indexes that the migration builds CONCURRENTLY, those that
/// are INVALID and that nobody builds now. `server` resolves names as migrations do;
/// `values` as the folder has them.
base::Result<std::vector<std::string>> invalid_indexes(postgres::Connection& server,
                                                       const HistoryRow& row, const Values& values);

} // namespace pgkeep::migrate
