/// From words to facts: opens the database a command names, reads its Snapshot with a progress bar,
/// fills the outside facts.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/config.h"
#include "base/result.h"
#include "catalog/snapshot.h"
#include "cli/command.h"

namespace pgkeep::cli {

struct SnapshotRequest {
  std::string target;                     ///< libpq's; empty = the environment.
  std::string command;                    ///< For application_name: "pgkeep/audit".
  std::vector<std::string> replicas = {}; ///< Targets of every replica.
  bool confirmed_no_replica = false;
  std::optional<std::string> code = {}; ///< Folder of source code to read.
  bool is_for_comparison = false;  ///< Also reads what only the comparison of two Snapshots needs.
  bool is_of_schema_alone = false; ///< Without how the server is, and without outside facts.
  std::optional<std::int64_t> ram_bytes =
      {}; ///< Of the server's machine, where that is not this one.
};
base::Result<catalog::Snapshot> take_snapshot(const SnapshotRequest& request, Io& io);

/// Reads the other databases of the server, one after the other, and gives each to `use`. Returns a
/// line for each that does not let us in. Errors: those of the server and of `use`.
base::Result<std::vector<std::string>>
read_other_databases(const SnapshotRequest& request, const catalog::Snapshot& first, Io& io,
                     const std::function<base::Result<>(const catalog::Snapshot&)>& use);

/// pgkeep.toml: --config, else the one in the working directory, else defaults.
base::Result<base::Config> load_config(const Arguments& arguments);

} // namespace pgkeep::cli
