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
  std::string path = {}; ///< Of a Unix socket that is a file.
};

/// Errors: Code::config (an address that is none), Code::io (in use, not allowed).
base::Result<std::vector<ListeningSocket>> listen_as(const Settings& settings, int loops);

} // namespace pgkeep::pool
