/// Real throwaway servers for tests: each test its own cluster in a temporary folder.
///
/// A sandbox (sandbox/sandbox.h) with the settings that cases need. Threads: a TestServer belongs
/// to one thread at a time; several test programs may run at the same time.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "postgres/cluster.h"
#include "postgres/conn.h"
#include "sandbox/sandbox.h"

namespace pgkeep::test {

using sandbox::Settings;

/// The servers to test with: the folders of PGKEEP_TEST_SERVER_BINS (separated by ':'), else what
/// find_server_binaries() finds. Oldest first. Fails the program with a message where a folder that
/// was named holds no server: a test that silently skips a version proves nothing.
const std::vector<postgres::ServerBinaries>& servers_under_test();

class TestServer {
public:
  /// Starts a cluster with our defaults for tests, overlaid with `settings`.
  static base::Result<std::unique_ptr<TestServer>> start(const postgres::ServerBinaries& binaries,
                                                         const Settings& settings = {});

  [[nodiscard]] int major() const { return binaries().version.major(); }
  [[nodiscard]] const postgres::ServerBinaries& binaries() const { return sandbox_->binaries(); }
  [[nodiscard]] const std::filesystem::path& data() const { return sandbox_->data(); }
  [[nodiscard]] const std::filesystem::path& log() const { return sandbox_->log(); }
  [[nodiscard]] const std::filesystem::path& socket_directory() const {
    return sandbox_->directory();
  }
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
  explicit TestServer(std::unique_ptr<sandbox::Sandbox> sandbox) : sandbox_(std::move(sandbox)) {}

  std::unique_ptr<sandbox::Sandbox> sandbox_;
};

} // namespace pgkeep::test
