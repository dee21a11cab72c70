/// What rows a database holds, in sums: so that what went down can be held against what was there
/// before. Private to src/migrate. Pure but for sum_rows(); any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "migrate/folder.h"
#include "postgres/conn.h"

namespace pgkeep::migrate {

struct TableSum {
  std::int64_t count = 0;
  std::string digest;                         ///< MD5 over the sorted digests of the rows.
  std::map<std::string, std::string> columns; ///< A sum over the values of each.
};
/// By "schema.table", names as the catalog has them.
using RowSums = std::map<std::string, TableSum>;

/// Every table but pgkeep's own; partitions and children count for themselves.
base::Result<RowSums> sum_rows(postgres::Connection& database);

/// "-- pgkeep:loses orders.note: nobody reads it".
struct Loss {
  std::string what; ///< "schema.table", "schema.table.column", or without the schema.
  std::string reason;
};
std::vector<Loss> losses_of(const Source& source);
/// `column` empty: the table's rows as a whole.
bool is_declared(const std::vector<Loss>& losses, const std::string& table,
                 const std::string& column);

/// What of the rows that were there is not there any more, a line each; tables that are gone are
/// for the schema's comparison.
std::vector<std::string> compare_rows(const RowSums& before, const RowSums& after,
                                      const std::vector<Loss>& losses);
/// Tables that hold another number of rows.
std::vector<std::string> compare_counts(const RowSums& before, const RowSums& after,
                                        const std::vector<Loss>& losses);

} // namespace pgkeep::migrate
