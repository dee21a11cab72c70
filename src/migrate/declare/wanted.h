/// Makes the wanted schema in an empty database of the sandbox: from SQL files, or like a live
/// database. Private to src/migrate/declare. Threads: one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "postgres/conn.h"
#include "sandbox/sandbox.h"

namespace pgkeep::migrate::declaring {

struct Wanted {
  std::string label;       ///< "schema.sql", "10.0.0.5:5432/shop".
  std::string target = {}; ///< Of a live database.
  std::optional<postgres::Connection> live = {};
  std::vector<std::string> files = {}; ///< In the order in which they are run.
};
/// A file or folder where there is one of that name, else a database. Errors: usage, and those of
/// connecting.
base::Result<Wanted> open_wanted(const std::string& word);
/// Returns what could not be made here, a line each. Errors: Code::sql with file:line:column.
base::Result<std::vector<std::string>> make_wanted(Wanted& wanted, const sandbox::Sandbox& server,
                                                   const std::string& database);

} // namespace pgkeep::migrate::declaring
