/// What a configuration would make the pooler do, without doing it.
///
/// Threads: reads files, and this machine's limits, accounts and groups. Source: PgBouncer's
/// manual, config (file limits behind max_client_conn).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "pool/file_problems.h"

namespace pgkeep::pool {

struct Check {
  struct Database {
    std::string name;
    std::string server; ///< "db1:5432/prod", "/run/postgresql:5432/prod".
    std::string mode;
    std::int64_t pool_size = 0; ///< Servers for each user; 0: as many as are wanted.
  };
  /// One that databases have in common, and as whom it can be asked about its limits.
  struct Server {
    std::string host; ///< Or a socket's folder.
    std::uint16_t port = 0;
    std::int64_t wanted = 0;    ///< Connections that all pools together may open there.
    bool may_be_more = false;   ///< For users and databases that no file names.
    bool is_user_known = false; ///< Else there is nobody with a password that could ask.
    std::string database = {};
    std::string user = {};
    base::Secret password = {};
  };
  struct Tls {
    std::string mode;
    std::string ca_file;
    std::string certificate_file;
    std::string key_file;
  };
  std::vector<std::string> listens;
  std::vector<Database> databases;
  std::vector<Server> servers;
  Tls tls; ///< Of connections to them.
  std::string auth_type;
  std::int64_t users = 0; ///< Of auth_file.
  std::int64_t peers = 0;
  std::int64_t clients_max = 0;
  std::vector<std::string> warnings; ///< Right, and yet perhaps not meant.
  std::vector<FileProblem> problems; ///< Not right, and passed over where it runs.
};

/// Errors: those that pool::run() would end with, but for what depends on the moment and on who
/// starts it: ports, folders, names that the resolver is asked for.
base::Result<Check> check(const std::string& path);

} // namespace pgkeep::pool
