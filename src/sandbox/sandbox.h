/// Throwaway real servers: a cluster in a temporary folder of its own, for rehearsals, proofs and
/// our own tests.
///
/// It listens on a Unix socket only, inside of a folder that nobody but the server's account (and
/// root) may enter, and trusts whoever gets there; nothing is synced to disk. The destructor stops
/// it and removes everything. Where pgkeep was killed, the next sandbox does so: the folder holds
/// who made it, and only folders whose maker is gone are touched. Not for data that anybody needs.
///
/// Threads: a Sandbox belongs to one thread at a time; several processes may have their own.
/// Errors: unsupported where there are no server programs of the version, io.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "postgres/cluster.h"
#include "postgres/conn.h"

namespace pgkeep::sandbox {

using Settings = std::vector<std::pair<std::string, std::string>>;

/// The newest server programs here, or those of that major version. Errors: unsupported, saying
/// how to get them.
base::Result<postgres::ServerBinaries>
find_server(const std::optional<std::filesystem::path>& pg_bin, std::optional<int> major);

class Sandbox {
public:
  /// `settings` are laid over our own: fsync off, no autovacuum, small memory.
  static base::Result<std::unique_ptr<Sandbox>> start(const postgres::ServerBinaries& binaries,
                                                      const Settings& settings = {});
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;
  ~Sandbox();

  [[nodiscard]] const postgres::ServerBinaries& binaries() const { return binaries_; }
  [[nodiscard]] const std::filesystem::path& data() const { return data_; }
  [[nodiscard]] const std::filesystem::path& log() const { return log_; }
  /// Of the socket; data and log lie in it too.
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

  /// A libpq connection string; no password is needed. "postgres" is the superuser.
  [[nodiscard]] std::string conninfo(std::string_view database = "postgres",
                                     std::string_view user = "postgres") const;
  /// As psql connects: it may write, without limits of ours, with the role's search_path.
  [[nodiscard]] base::Result<postgres::Connection>
  connect(std::string_view database = "postgres", std::string_view user = "postgres") const;

  /// Empty, from template0.
  base::Result<> create_database(const std::string& name);
  /// With all that is in the other one, to which nobody may be connected, and its settings. Files
  /// are copied (PostgreSQL manual, CREATE DATABASE, STRATEGY): no page goes through the WAL, and
  /// none of the new one is in the server's memory, so that its files may be changed before
  /// somebody connects to it.
  base::Result<> clone_database(const std::string& name, const std::string& from);
  /// The same, in place of one of that name.
  base::Result<> replace_database(const std::string& name, const std::string& from);
  base::Result<> drop_database(const std::string& name);

  base::Result<> stop(postgres::Shutdown mode = postgres::Shutdown::fast);
  /// Stops if it runs, and starts again with these settings on top of the others.
  base::Result<> restart(const Settings& settings = {});

private:
  Sandbox() = default;
  base::Result<> start_here(const Settings& settings);

  postgres::ServerBinaries binaries_;
  std::optional<base::Account> account_;
  std::filesystem::path directory_;
  std::filesystem::path data_;
  std::filesystem::path log_;
  Settings settings_;
};

} // namespace pgkeep::sandbox
