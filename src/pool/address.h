/// Addresses of both ends, as sockets want them and as the log shows them.
///
/// Private to src/pool. Threads: plain values; resolve() may take seconds. Source: ip(7), unix(7);
/// "@..." names a folder of the abstract namespace (PgBouncer's manual, config: host).
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "pool/hba.h"

namespace pgkeep::pool {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t bytes = 0;
  [[nodiscard]] bool is_unix() const { return storage.ss_family == AF_UNIX; }
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// The socket of a folder and a port. Errors: Code::config where the path is too long.
base::Result<SocketAddress> unix_address(std::string_view folder, std::uint16_t port);
/// Of a numeric host; none where it is a name.
std::optional<SocketAddress> numeric_address(std::string_view host, std::uint16_t port);
/// As the resolver takes it, which is asked nothing: "127.1" and "fe80::1%eth0", too. Errors: as
/// below.
base::Result<std::vector<SocketAddress>> resolve_number(const std::string& host,
                                                        std::uint16_t port);
/// Asks the resolver. Errors: Code::unreachable.
base::Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port);

/// Who is behind a Unix socket; none where the kernel does not say.
std::optional<ucred> credentials_behind(int fd);

/// Whom a connection is with, in 24 bytes: thousands of them are kept.
struct Peer {
  IpAddress ip{};
  std::int32_t process = 0; ///< Of a Unix socket.
  std::uint16_t port = 0;
  bool is_unix = true;

  [[nodiscard]] std::string text() const; ///< "127.0.0.1:5432", "[::1]:5432", "unix(17):6432".
  [[nodiscard]] std::string host() const; ///< "127.0.0.1", "::1", "unix".
  /// For servers, which may be elsewhere: with the machine's name, "unix(17@db1):6432".
  [[nodiscard]] std::string details() const;
};
Peer peer_of(const SocketAddress& address);
std::string text_of(const IpAddress& ip); ///< "127.0.0.1", "::1".
/// A port is a name's affair no more than a connection's.
SocketAddress with_port(const IpAddress& ip, std::uint16_t port);

} // namespace pgkeep::pool
