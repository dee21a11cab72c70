/// Where everything of one stack lives.
///
///   DIRECTORY/stack.json       what this folder is: home, port, server version (written once, then
///   changed durably) DIRECTORY/secrets/         0700: ca.key, one file a role's password, passfile
///   (all 0600) DIRECTORY/ca.crt           the authority that clients trust (sslrootcert)
///   DIRECTORY/supervisor.*     lock, record and log of the supervisor
///   HOME/data HOME/tls HOME/log HOME/run   owned by the account that runs the server
///
/// HOME is DIRECTORY, or /var/lib/pgkeep/<id> where the server's account may not traverse DIRECTORY
/// (root's home is 0700). A socket path has at most 107 bytes (PostgreSQL manual,
/// runtime-config-connection: unix_socket_directories): a longer one moves to /run or /tmp.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/files.h"
#include "base/result.h"

namespace pgkeep::stack {

struct Layout {
  std::filesystem::path directory;
  std::filesystem::path home;
  std::filesystem::path sockets;
  std::optional<base::Account> account; ///< Whom the server runs as; nothing = ourselves.
  bool is_demo = false;                 ///< The badly kept shop, on purpose.

  [[nodiscard]] std::filesystem::path state_file() const { return directory / "stack.json"; }
  [[nodiscard]] std::filesystem::path secrets() const { return directory / "secrets"; }
  [[nodiscard]] std::filesystem::path passfile() const { return secrets() / "passfile"; }
  [[nodiscard]] std::filesystem::path authority() const { return directory / "ca.crt"; }
  [[nodiscard]] std::filesystem::path authority_key() const { return secrets() / "ca.key"; }
  [[nodiscard]] std::filesystem::path up_lock() const { return directory / "up.lock"; }
  [[nodiscard]] std::filesystem::path supervisor_lock() const {
    return directory / "supervisor.lock";
  }
  [[nodiscard]] std::filesystem::path supervisor_record() const {
    return directory / "supervisor.json";
  }
  [[nodiscard]] std::filesystem::path supervisor_log() const {
    return directory / "supervisor.log";
  }
  [[nodiscard]] std::filesystem::path data() const { return home / "data"; }
  [[nodiscard]] std::filesystem::path tls() const { return home / "tls"; }
  [[nodiscard]] std::filesystem::path log() const { return home / "log"; }
  [[nodiscard]] std::filesystem::path server_log() const { return log() / "startup.log"; }
};

/// What stack.json holds.
struct State {
  std::filesystem::path home;
  std::filesystem::path sockets;
  std::filesystem::path bin; ///< The server's binaries.
  int major = 0;
  int port = 0;      ///< The server's.
  int pool_port = 0; ///< The pooler's; 0: not chosen yet, or the demo, which has none.
  bool pooler_has_app_port = false; ///< False: the server has, of a stack of an older pgkeep.
  bool is_demo = false;
  std::string
      provisioned_by; ///< pgkeep's version that set up roles and privileges; empty = not done yet.
};
/// nullopt where nothing was set up. Errors: corrupt for a file that is not ours.
base::Result<std::optional<State>> read_state(const std::filesystem::path& directory);
base::Result<> write_state(const Layout& layout, const State& state);

/// Decides HOME and the socket folder of a new stack.
base::Result<Layout> plan_layout(const std::filesystem::path& directory, bool is_demo);
/// The layout of one that exists.
base::Result<Layout> layout_of(const std::filesystem::path& directory, const State& state);
/// Absolute, without . and .., whether it exists or not.
std::filesystem::path absolute_directory(const std::filesystem::path& directory);

} // namespace pgkeep::stack
