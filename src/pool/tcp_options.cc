#include "pool/tcp_options.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace pgkeep::pool {
namespace {

void set_option(int fd, int level, int option, std::int64_t value) {
  const int number = static_cast<int>(value);
  static_cast<void>(::setsockopt(fd, level, option, &number, sizeof(number)));
}

} // namespace

void set_tcp_options(int fd, const Settings& settings) {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (settings.tcp_socket_buffer > 0) {
    set_option(fd, SOL_SOCKET, SO_SNDBUF, settings.tcp_socket_buffer);
    set_option(fd, SOL_SOCKET, SO_RCVBUF, settings.tcp_socket_buffer);
  }
  if (settings.tcp_user_timeout > 0)
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, settings.tcp_user_timeout);
  if (!settings.tcp_keepalive) return;
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  if (settings.tcp_keepcnt > 0) set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, settings.tcp_keepcnt);
  if (settings.tcp_keepidle > 0) set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, settings.tcp_keepidle);
  if (settings.tcp_keepintvl > 0)
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, settings.tcp_keepintvl);
}

} // namespace pgkeep::pool
