/// Which files of a folder are what another tool has applied. Private to src/migrate.
#pragma once

#include <string>
#include <vector>

#include "migrate/baseline/foreign.h"
#include "migrate/folder.h"
#include "migrate/plan.h"

namespace pgkeep::migrate {

struct Matched {
  std::vector<const Migration*> applied; ///< In the folder's order.
  std::vector<std::string> without_file; ///< Labels of rows.
  std::vector<Problem> problems;
};

/// By version, else by name: case, hyphens, extensions and Flyway's "V" and "__" do not matter. A
/// name that several rows have counts for none of them.
Matched match_files(const Folder& folder, const ForeignTable& table,
                    const std::vector<ForeignRow>& rows);

} // namespace pgkeep::migrate
