/// What a configuration would make the pooler do, without doing it.
///
/// Threads: reads files and this machine's limits. Source: PgBouncer's manual, config (file limits
/// behind max_client_conn).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace pgkeep::pool {

struct Check {
  struct Database {
    std::string name;
    std::string server; ///< "db1:5432/prod", "/run/postgresql:5432/prod".
    std::string mode;
    std::int64_t pool_size = 0; ///< Servers for each user.
  };
  std::vector<std::string> listens;
  std::vector<Database> databases;
  std::string auth_type;
  std::int64_t users = 0; ///< Of auth_file.
  std::int64_t peers = 0;
  std::int64_t clients_max = 0;
  std::vector<std::string> warnings; ///< Right, and yet perhaps not meant.
};

/// Errors: those that pool::run() would end with.
base::Result<Check> check(const std::string& path);

} // namespace pgkeep::pool
