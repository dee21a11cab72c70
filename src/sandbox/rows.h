/// Made-up rows: as many as asked for in every table, by the types of the columns, with keys that
/// are unique and references that hold, so that a rehearsal has something to scan, to rewrite and
/// to lose.
///
/// Parents come first and their keys are what children refer to. Heeded: NOT NULL, primary keys and
/// unique constraints (counted values), foreign keys, labels of enums, lengths, and CHECK
/// constraints that compare a column with constants or list its values. What cannot be satisfied
/// leaves the table empty, and is told. Triggers do not fire. Not for: values that look real.
///
/// Threads: plain functions; a connection as superuser. Errors: only of the connection.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "postgres/conn.h"
#include "sandbox/like.h"

namespace pgkeep::sandbox {

struct Filled {
  std::int64_t tables = 0;          ///< That got rows.
  std::vector<std::string> skipped; ///< "public.orders: why", a line each.
};
/// Only tables that are empty are filled.
base::Result<Filled> fill_tables(postgres::Connection& database, const Live& like,
                                 std::int64_t rows);

} // namespace pgkeep::sandbox
