/// Server binaries on this machine, and clusters made with them: find, initdb, start, stop, look.
///
/// PostgreSQL refuses to run as root: as root everything runs as the given account (default
/// "postgres"). Threads: a Cluster is a value that names a folder; calls on one folder must not run
/// at the same time.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/process.h"
#include "base/result.h"
#include "postgres/types.h"

namespace pgkeep::postgres {

struct ServerBinaries {
  std::filesystem::path bin; ///< Holds initdb, postgres, pg_ctl.
  ServerVersion version;     ///< From `postgres --version`.
};

/// Newest first: the given folder (--pg-bin) alone where there is one, else `pg_config --bindir`
/// and /usr/lib/postgresql/*/bin. Errors: unsupported, naming the Debian package to install, where
/// there is none.
base::Result<std::vector<ServerBinaries>>
find_server_binaries(const std::optional<std::filesystem::path>& pg_bin = {});

/// The account that servers run as: "postgres" when we are root (error with the package's name
/// where it does not exist), else nothing.
base::Result<std::optional<base::Account>> server_account();

struct InitOptions {
  ServerBinaries binaries;
  std::filesystem::path data;
  std::optional<base::Account> run_as = {};
  std::string superuser = "postgres";
  std::optional<std::string> superuser_password =
      {};           ///< Passed by a 0600 file, removed afterwards.
  bool sync = true; ///< false: --no-sync, for throwaway servers.
  std::vector<std::string> extra_arguments = {};
};
/// initdb with data checksums, UTF-8, C.UTF-8 locale, peer on the socket (scram-sha-256 on TCP). A
/// folder that is not empty is an error.
base::Result<> init_cluster(const InitOptions& options);

/// What postmaster.pid says. Source: PostgreSQL manual, storage-file-layout;
/// src/include/utils/pidfile.h.
struct PostmasterPid {
  base::ProcessId process;
  std::filesystem::path data;
  std::int64_t start_epoch_s = 0;
  int port = 0;
  std::string socket_directory;
  std::string listen_address;
  std::string status; ///< "ready", "starting", "stopping", "standby".
};
/// nullopt where there is no file, or its process is gone.
base::Result<std::optional<PostmasterPid>> running_postmaster(const std::filesystem::path& data);

/// Reads PG_VERSION: the major version a data folder belongs to; nullopt where it is no data
/// folder.
base::Result<std::optional<int>> data_major_version(const std::filesystem::path& data);

struct StartOptions {
  ServerBinaries binaries;
  std::filesystem::path data;
  std::optional<base::Account> run_as = {};
  std::filesystem::path log_file;
  std::vector<std::pair<std::string, std::string>> settings =
      {}; ///< Passed as -c name=value: nothing secret.
  std::chrono::milliseconds time_limit{60'000};
};
/// Starts the postmaster as a process of its own session and waits until it accepts connections
/// (postmaster.pid says "ready"). Returns its pid. Errors carry the last lines of the server's log.
base::Result<base::ProcessId> start_server(const StartOptions& options);

enum class Shutdown : std::uint8_t { smart, fast, immediate };
/// Signals the postmaster and waits until it is gone. Nothing running is success.
base::Result<> stop_server(const std::filesystem::path& data, Shutdown mode,
                           std::chrono::milliseconds time_limit);

/// A TCP port that nobody listens on, from `first` upwards on loopback.
base::Result<int> free_port(int first);

} // namespace pgkeep::postgres
