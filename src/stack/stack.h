/// `pgkeep up`: a complete PostgreSQL in one folder, made and kept running as the going-live
/// checklists ask.
///
/// For: making, starting, finding and stopping the server of one folder. It never deletes data.
/// Every call may be killed at any point and run again: each step looks first at what is there.
/// Calls on one folder exclude each other by a lock file. Folder layout: see layout.h. Threads:
/// none of its own; the supervisor is a process (supervisor.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace pgkeep::stack {

enum class ServerState : std::uint8_t {
  absent, ///< Nothing was ever set up in this folder.
  stopped,
  starting, ///< The process runs and does not accept connections yet.
  running,
  unsupervised, ///< It accepts connections but its supervisor is gone: `up` adopts it.
  gave_up,      ///< The supervisor stopped trying; `why` says why.
};
std::string_view name_of(ServerState state) noexcept;

struct Status {
  ServerState state = ServerState::absent;
  std::string why = {};                 ///< The last error, for stopped and gave_up.
  std::filesystem::path directory = {}; ///< As the user named it, absolute.
  std::filesystem::path data = {};
  std::filesystem::path log = {};
  std::string version = {}; ///< "15.18".
  std::int32_t server_pid = 0;
  std::int32_t supervisor_pid = 0;
  std::int32_t restarts = 0; ///< By this supervisor.
  int port = 0;              ///< The server's own: sessions past the pooler.
  std::string socket_directory = {};
  std::string database = {};
  std::filesystem::path root_certificate = {}; ///< For sslrootcert; empty for the demo server.
  std::filesystem::path passfile = {}; ///< libpq's passfile with every role's password, 0600.
  /// The pooler in front of it; none for the demo server.
  struct Pooler {
    int port = 0;
    std::int32_t pid = 0; ///< 0: it does not run.
    std::int32_t restarts = 0;
    std::string why = {}; ///< What its log said last, where it does not run.
    /// What it says of itself; nothing where it does not answer.
    std::optional<std::int64_t> clients = {};
    std::optional<std::int64_t> waiting = {}; ///< Of the clients: for a server.
    std::optional<std::int64_t> servers = {};
  };
  std::optional<Pooler> pooler = {};
  std::vector<Status> nested = {}; ///< The demo server, where there is one.
};

struct UpOptions {
  std::filesystem::path directory = ".pgkeep";
  std::optional<int> port = {};        ///< The application's, which the pooler has.
  std::optional<int> direct_port = {}; ///< The server's own.
  std::optional<std::filesystem::path> server_binaries = {}; ///< --pg-bin.
  bool with_demo = false;
  /// Called with a sentence at each step, for progress.
  std::function<void(std::string_view)> on_step = [](std::string_view) {};
};

/// Makes what is missing, starts what is stopped, adopts what runs. Idempotent.
base::Result<Status> up(const UpOptions& options);
base::Result<Status> status(const std::filesystem::path& directory);
/// Stops server and supervisor; what does not run is left alone. Deletes nothing. Errors: usage
/// where nothing was ever set up.
base::Result<Status> down(const std::filesystem::path& directory,
                          const std::function<void(std::string_view)>& on_step);

/// A connection string for a role of this stack, through the pooler where there is one; without any
/// password: the passfile is named instead.
std::string connection_uri(const Status& status, std::string_view role);
/// The same for a session of the server itself.
std::string direct_uri(const Status& status, std::string_view role);
/// For administration by the account that runs the server (or root): over the socket, as postgres.
std::string admin_uri(const Status& status, std::string_view database);

} // namespace pgkeep::stack
