/// systemd, spoken to without its library: what it is told of the service's state, and the sockets
/// that it opened for it.
///
/// Private to src/pool. Threads: notify() any, the rest before there are any. Source: sd_notify(3)
/// (one datagram of NAME=value lines to the socket of $NOTIFY_SOCKET), sd_listen_fds(3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace pgkeep::pool {

class ServiceManager {
public:
  /// Of this process's environment; says nothing to nobody where none is named.
  static ServiceManager of_environment();
  explicit ServiceManager(std::string notify_socket) : notify_socket_(std::move(notify_socket)) {}

  void ready() const { notify("READY=1"); }
  void stopping() const { notify("STOPPING=1"); }
  /// Followed by ready().
  void reloading() const;
  /// Another process serves from now on.
  void main_process(int pid) const;
  void status(std::string_view text) const;

private:
  void notify(std::string_view message) const;

  std::string notify_socket_;
};

/// Takes over the sockets that were opened for this process; none where there are none. Once.
std::vector<base::Fd> take_passed_sockets();

} // namespace pgkeep::pool
