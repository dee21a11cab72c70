/// Rows of pg_statistic as ANALYZE lays them out: which slot holds what, by which operator and of
/// which type. Private to src/sandbox.
///
/// Threads: plain functions. Errors: of the connection.
/// Source: the functions compute_*_stats() of src/backend/commands/analyze.c,
/// utils/adt/array_typanalyze.c, rangetypes_typanalyze.c and tsearch/ts_typanalyze.c; for default
/// operator classes GetDefaultOpClass() of commands/indexcmds.c.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "postgres/conn.h"
#include "sandbox/statistics.h"

namespace pgkeep::sandbox {

/// SET (or SET LOCAL) of what decides how values and types are written as text: the same on both
/// sides.
std::string text_settings(std::string_view set);

/// Oids as text; "0" = there is none.
struct TypeFacts {
  std::string equal;
  std::string less;
  std::string element; ///< Of an array, or of a tsvector: what its common elements are.
  std::string element_equal;
  std::string element_collation; ///< Empty: the column's.
  std::string range;             ///< Of a range or a multirange: the type of its bounds' histogram.
};
/// Makes functions in pg_temp that type_facts() needs.
base::Result<> prepare_type_facts(postgres::Connection& database);
/// By the type's oid.
base::Result<std::map<std::string, TypeFacts>> type_facts(postgres::Connection& database,
                                                          const std::vector<std::string>& types);

/// The columns of pg_statistic behind stainherit, as expressions over parameters from
/// $`first`. They are 3 + 6 * 5.
std::string slots_sql(int first);
using Parameters = std::vector<std::optional<std::string>>;
/// Appends what slots_sql() takes.
void add_slots(const ValueStatistics& values, const TypeFacts& facts, const std::string& type,
               const std::string& collation, Parameters& parameters);

/// Private to these files: the extended ones. Appends to the notes.
base::Result<> write_extended(postgres::Connection& database, const LiveStatistics& statistics,
                              std::vector<std::string>& notes);

} // namespace pgkeep::sandbox
