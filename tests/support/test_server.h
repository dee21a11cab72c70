/// Real throwaway servers for tests: each test its own cluster in a temporary folder.
///
/// A cluster is copied from a template that is made once a version and kept in the temporary folder
/// (initdb takes a second, a copy a tenth). It listens on a Unix socket only, trusts whoever gets
/// to that socket, and does not sync to disk; as root it runs as the account postgres. The
/// destructor stops it and deletes everything. Threads: a TestServer belongs to one thread at a
/// time; several test programs may run at the same time.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "postgres/cluster.h"
#include "postgres/conn.h"

namespace pgkeep::test {

using Settings = std::vector<std::pair<std::string, std::string>>;

/// The servers to test with: the folders of PGKEEP_TEST_SERVER_BINS (separated by ':'), else what
/// find_server_binaries() finds. Oldest first. Fails the program with a message where a folder that
/// was named holds no server: a test that silently skips a version proves nothing.
const std::vector<postgres::ServerBinaries>& servers_under_test();

class TestServer {
public:
  /// Starts a cluster with our defaults for tests, overlaid with `settings`.
  static base::Result<std::unique_ptr<TestServer>> start(const postgres::ServerBinaries& binaries,
                                                         const Settings& settings = {});
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;
  ~TestServer();

  [[nodiscard]] int major() const { return binaries_.version.major(); }
  [[nodiscard]] const postgres::ServerBinaries& binaries() const { return binaries_; }
  [[nodiscard]] const std::filesystem::path& data() const { return data_; }
  [[nodiscard]] const std::filesystem::path& log() const { return log_; }
  [[nodiscard]] const std::filesystem::path& socket_directory() const { return directory_; }
  /// A libpq connection string; no password is needed.
  [[nodiscard]] std::string conninfo(std::string_view database = "postgres",
                                     std::string_view user = "postgres") const;
  /// A connection as psql makes it: it may write, has no limits of ours, and the default
  /// search_path.
  [[nodiscard]] base::Result<postgres::Connection>
  connect(std::string_view database = "postgres", std::string_view user = "postgres") const;

  /// A fresh database from template0; one of that name is dropped first, with all that holds on to
  /// it: sessions, prepared transactions, replication slots.
  base::Result<> create_database(const std::string& name);
  base::Result<> drop_database(const std::string& name);

  base::Result<> stop(postgres::Shutdown mode = postgres::Shutdown::fast);
  /// Stops if it runs, and starts again with these settings on top of the first ones.
  base::Result<> restart(const Settings& settings = {});

private:
  TestServer() = default;
  base::Result<> start_here(const Settings& settings);

  postgres::ServerBinaries binaries_;
  std::optional<base::Account> account_;
  std::filesystem::path directory_; ///< Ours: data, log and socket lie in it.
  std::filesystem::path data_;
  std::filesystem::path log_;
  Settings settings_;
};

} // namespace pgkeep::test
