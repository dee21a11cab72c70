#include "pool/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <memory>

#include <fmt/format.h>

namespace pgkeep::pool {
namespace {

template <typename Address>
SocketAddress made_of(const Address& address, std::size_t bytes = sizeof(Address)) {
  SocketAddress made;
  std::memcpy(&made.storage, &address, sizeof(address));
  made.bytes = static_cast<socklen_t>(bytes);
  return made;
}

base::Result<std::vector<SocketAddress>> resolve_by(const std::string& host, std::uint16_t port,
                                                    int flags) {
  addrinfo wanted{};
  wanted.ai_flags = flags;
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string service = fmt::format("{}", port);
  if (const int code = ::getaddrinfo(host.c_str(), service.c_str(), &wanted, &found); code != 0)
    return base::Error{
        .code = base::Code::unreachable, .what = ::gai_strerror(code), .where = host};
  const std::unique_ptr<addrinfo, base::Release<::freeaddrinfo>> owner(found);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
    address.bytes = each->ai_addrlen;
    addresses.push_back(address);
  }
  return addresses;
}

} // namespace

base::Result<SocketAddress> unix_address(std::string_view folder, std::uint16_t port) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = fmt::format("{}/.s.PGSQL.{}", folder, port);
  if (path.size() >= sizeof(address.sun_path))
    return base::Error{.code = base::Code::config,
                       .what = "the path of a Unix socket is too long",
                       .where = path,
                       .expected = fmt::format("fewer than {} bytes", sizeof(address.sun_path))};
  std::memcpy(address.sun_path, path.data(), path.size());
  if (folder.front() != '@') return made_of(address);
  address.sun_path[0] = '\0';
  return made_of(address, offsetof(sockaddr_un, sun_path) + path.size());
}

std::optional<SocketAddress> numeric_address(std::string_view host, std::uint16_t port) {
  const std::string text(host);
  sockaddr_in v4{};
  if (::inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return made_of(v4);
  }
  sockaddr_in6 v6{};
  if (::inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    return made_of(v6);
  }
  return std::nullopt;
}

base::Result<std::vector<SocketAddress>> resolve_number(const std::string& host,
                                                        std::uint16_t port) {
  return resolve_by(host, port, AI_NUMERICHOST);
}

base::Result<std::vector<SocketAddress>> resolve(const std::string& host, std::uint16_t port) {
  return resolve_by(host, port, 0);
}

std::optional<ucred> credentials_behind(int fd) {
  ucred credentials{};
  socklen_t bytes = sizeof(credentials);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0) return std::nullopt;
  return credentials;
}

Peer peer_of(const SocketAddress& address) {
  Peer peer;
  if (address.storage.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address.storage, sizeof(v4));
    std::ranges::copy(IpAddress::kIpv4Prefix, peer.ip.bytes.begin());
    std::memcpy(&peer.ip.bytes[IpAddress::kIpv4Prefix.size()], &v4.sin_addr, sizeof(v4.sin_addr));
    peer.port = ntohs(v4.sin_port);
    peer.is_unix = false;
  } else if (address.storage.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address.storage, sizeof(v6));
    std::memcpy(peer.ip.bytes.data(), &v6.sin6_addr, sizeof(v6.sin6_addr));
    peer.port = ntohs(v6.sin6_port);
    peer.is_unix = false;
  }
  return peer;
}

std::string Peer::text() const {
  if (is_unix)
    return process == 0 ? fmt::format("unix:{}", port) : fmt::format("unix({}):{}", process, port);
  return ip.is_ipv4() ? fmt::format("{}:{}", text_of(ip), port)
                      : fmt::format("[{}]:{}", text_of(ip), port);
}

std::string Peer::host() const {
  return is_unix ? "unix" : text_of(ip);
}

std::string Peer::details() const {
  if (!is_unix) return text();
  std::array<char, HOST_NAME_MAX + 1> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) return text();
  return fmt::format("unix({}@{}):{}", process, host.data(), port);
}

std::string text_of(const IpAddress& ip) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (ip.is_ipv4()) {
    ::inet_ntop(AF_INET, &ip.bytes[IpAddress::kIpv4Prefix.size()], text.data(), text.size());
  } else {
    ::inet_ntop(AF_INET6, ip.bytes.data(), text.data(), text.size());
  }
  return text.data();
}

SocketAddress with_port(const IpAddress& ip, std::uint16_t port) {
  return *numeric_address(text_of(ip), port);
}

} // namespace pgkeep::pool
