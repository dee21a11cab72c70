/// The sockets that clients come to.
///
/// Private to src/pool. Threads: pure functions of the system's state. Source: PgBouncer's manual,
/// config (listen_addr, listen_port, unix_socket_dir); socket(7) (SO_REUSEPORT), tcp(7).
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "pool/address.h"
#include "pool/settings.h"

namespace pgkeep::pool {

struct ListeningSocket {
  std::string name; ///< "127.0.0.1:6432", "unix:/tmp/.s.PGSQL.6432".
  /// A TCP port has a socket for each loop, among which the kernel spreads clients; a Unix socket
  /// has one for all.
  std::vector<base::Fd> fds;
  bool is_unix = false;
  bool is_shared = false; ///< One socket for all loops.
  bool is_passed = false; ///< Opened by the service manager.
  std::string path = {};  ///< Of a Unix socket that is a file.
};

/// Somebody serves there already. Errors: Code::refused.
base::Result<> refuse_used_unix_socket(const Settings& settings);
/// What listen_as() would end with for every process: a number that is no address, a group that is
/// not there. Asks no resolver for names. Errors: Code::unreachable, Code::config.
base::Result<> check_listening(const Settings& settings);
struct OwnSockets {
  std::vector<ListeningSocket> sockets;
  std::vector<std::string> problems; ///< "cannot listen on [::1]:6432: ...": goes on without it.
};
/// An address that cannot be had is a problem; as in PgBouncer it ends the start only where none of
/// listen_addr is left. Errors: Code::unreachable (a name that is none), Code::config (nothing is
/// named), Code::io.
base::Result<OwnSockets> listen_as(const Settings& settings, int loops);
/// Sockets that somebody else opened. Errors: Code::config where one does not listen.
base::Result<std::vector<ListeningSocket>> listen_on(std::vector<base::Fd> passed,
                                                     const Settings& settings);

} // namespace pgkeep::pool
