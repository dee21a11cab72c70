#include "pool/listeners.h"

#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <system_error>

#include <fmt/format.h>

#include "base/text.h"
#include "pool/tcp_options.h"

namespace pgkeep::pool {
namespace {

constexpr int kDeferSeconds = 45; // As in PgBouncer: whoever says nothing is not even accepted.

base::Error failed(std::string_view what, std::string where) {
  return {.code = base::Code::io,
          .what = fmt::format("{}: {}", what, std::generic_category().message(errno)),
          .where = std::move(where)};
}

void set_option(int fd, int level, int option, std::int64_t value) {
  const int number = static_cast<int>(value);
  static_cast<void>(::setsockopt(fd, level, option, &number, sizeof(number)));
}

base::Result<base::Fd> bound(const SocketAddress& address, bool is_reusable,
                             const std::string& name) {
  base::Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_open()) return failed("socket()", name);
  if (!address.is_unix()) {
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (is_reusable) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (address.storage.ss_family == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1);
  }
  if (::bind(fd.get(), address.get(), address.bytes) != 0) return failed("bind()", name);
  return fd;
}

base::Result<ListeningSocket> listen_tcp(const SocketAddress& address, const Settings& settings,
                                         int loops) {
  ListeningSocket listening{.name = peer_of(address).text(), .fds = {}};
  // Sockets of ours share the port, which must not hide that it is somebody else's.
  if (!settings.so_reuseport) {
    PGKEEP_TRY(const base::Fd probe, bound(address, false, listening.name));
  }
  for (int i = 0; i < loops; ++i) {
    PGKEEP_TRY(base::Fd fd, bound(address, true, listening.name));
    set_tcp_options(fd.get(), settings);
    if (settings.tcp_defer_accept)
      set_option(fd.get(), IPPROTO_TCP, TCP_DEFER_ACCEPT, kDeferSeconds);
    if (::listen(fd.get(), static_cast<int>(settings.listen_backlog)) != 0)
      return failed("listen()", listening.name);
    listening.fds.push_back(std::move(fd));
  }
  return listening;
}

/// By name or number.
base::Result<gid_t> group_of(const std::string& name) {
  gid_t number = 0;
  const char* const end = name.data() + name.size();
  if (const auto [stop, failure] = std::from_chars(name.data(), end, number);
      failure != std::errc() || stop != end) {
    const group* const found = ::getgrnam(name.c_str()); // NOLINT(concurrency-mt-unsafe): at start.
    if (found == nullptr)
      return base::Error{.code = base::Code::config,
                         .what = fmt::format("could not find group '{}'", name),
                         .expected = "unix_socket_group: a group of this machine"};
    number = found->gr_gid;
  }
  return number;
}

base::Result<> set_group(const std::string& path, const std::string& name) {
  if (name.empty()) return {};
  PGKEEP_TRY(const gid_t number, group_of(name));
  if (::chown(path.c_str(), static_cast<uid_t>(-1), number) != 0) return failed("chown()", path);
  return {};
}

base::Result<ListeningSocket> listen_unix(const Settings& settings) {
  const auto port = static_cast<std::uint16_t>(settings.listen_port);
  PGKEEP_TRY(const SocketAddress address, unix_address(settings.unix_socket_dir, port));
  const std::string path = fmt::format("{}/.s.PGSQL.{}", settings.unix_socket_dir, port);
  ListeningSocket listening{.name = "unix:" + path, .fds = {}, .is_unix = true, .is_shared = true};
  const bool is_file = path.front() != '@';
  if (is_file) ::unlink(path.c_str()); // Left by one that is gone.
  PGKEEP_TRY(base::Fd fd, bound(address, false, listening.name));
  if (is_file) {
    listening.path = path;
    if (::chmod(path.c_str(), static_cast<mode_t>(settings.unix_socket_mode)) != 0)
      return failed("chmod()", listening.name);
    PGKEEP_CHECK(set_group(path, settings.unix_socket_group));
  }
  if (::listen(fd.get(), static_cast<int>(settings.listen_backlog)) != 0)
    return failed("listen()", listening.name);
  listening.fds.push_back(std::move(fd));
  return listening;
}

base::Result<std::vector<SocketAddress>> addresses_of(const std::string& host, std::uint16_t port) {
  if (host == "*")
    return std::vector<SocketAddress>{*numeric_address("0.0.0.0", port),
                                      *numeric_address("::", port)};
  if (const auto numeric = numeric_address(host, port)) return std::vector{*numeric};
  return resolve(host, port);
}

/// Of every address of listen_addr those that can be had: one of several may be of a family that
/// this machine has not, or the same as another. Errors: where none of them is left.
base::Result<OwnSockets> listen_everywhere(const Settings& settings, int loops) {
  OwnSockets all;
  const auto port = static_cast<std::uint16_t>(settings.listen_port);
  bool is_any_named = false;
  for (const std::string& each : base::split(settings.listen_addr, ',')) {
    const std::string host(base::trim(each));
    if (host.empty()) continue;
    is_any_named = true;
    PGKEEP_TRY(const std::vector<SocketAddress> addresses, addresses_of(host, port));
    for (const SocketAddress& address : addresses) {
      if (auto listening = listen_tcp(address, settings, loops)) {
        all.sockets.push_back(*std::move(listening));
      } else {
        const base::Error& error = listening.error();
        all.problems.push_back(fmt::format("cannot listen on {}: {}", error.where, error.what));
      }
    }
  }
  if (is_any_named && all.sockets.empty())
    return base::Error{.code = base::Code::io,
                       .what = fmt::format("failed to listen on any address in listen_addr list: "
                                           "{} ({})",
                                           settings.listen_addr, base::join(all.problems, "; "))};
  return all;
}

base::Result<ListeningSocket> passed_one(base::Fd fd, const Settings& settings) {
  int listens = 0;
  socklen_t bytes = sizeof(listens);
  SocketAddress address;
  address.bytes = sizeof(address.storage);
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &bytes) != 0 || listens == 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.bytes) != 0)
    return base::Error{.code = base::Code::config,
                       .what = fmt::format("failed to set up socket passed from service manager "
                                           "(fd {})",
                                           fd.get()),
                       .expected = "a stream socket that listens (ListenStream=)"};
  ListeningSocket listening{.name = fmt::format("(fd {})", fd.get()),
                            .fds = {},
                            .is_unix = address.is_unix(),
                            .is_shared = true,
                            .is_passed = true};
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  if (!listening.is_unix) set_tcp_options(fd.get(), settings);
  listening.fds.push_back(std::move(fd));
  return listening;
}

bool looks_numeric(const std::string& host) {
  return host.contains(':') || host.find_first_not_of("0123456789.") == std::string::npos;
}

} // namespace

base::Result<> check_listening(const Settings& settings) {
  const auto port = static_cast<std::uint16_t>(settings.listen_port);
  for (const std::string& each : base::split(settings.listen_addr, ',')) {
    const std::string host(base::trim(each));
    if (host.empty() || !looks_numeric(host)) continue;
    if (auto number = resolve_number(host, port); !number) return std::move(number).error();
  }
  const bool has_group =
      settings.unix_socket_dir.starts_with('/') && !settings.unix_socket_group.empty();
  if (!has_group) return {};
  auto group = group_of(settings.unix_socket_group);
  return group ? base::Result<>() : base::Result<>(std::move(group).error());
}

base::Result<> refuse_used_unix_socket(const Settings& settings) {
  if (!settings.unix_socket_dir.starts_with('/')) return {};
  const auto port = static_cast<std::uint16_t>(settings.listen_port);
  PGKEEP_TRY(const SocketAddress address, unix_address(settings.unix_socket_dir, port));
  const base::Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), address.get(), address.bytes) != 0) return {};
  return base::Error{
      .code = base::Code::refused,
      .what = "unix socket is in use, cannot continue",
      .where = fmt::format("unix:{}/.s.PGSQL.{}", settings.unix_socket_dir, port),
      .hint = "Another pooler has it: stop that one, or choose another unix_socket_dir or "
              "listen_port."};
}

base::Result<std::vector<ListeningSocket>> listen_on(std::vector<base::Fd> passed,
                                                     const Settings& settings) {
  std::vector<ListeningSocket> all;
  for (base::Fd& fd : passed) {
    PGKEEP_TRY(ListeningSocket listening, passed_one(std::move(fd), settings));
    all.push_back(std::move(listening));
  }
  return all;
}

base::Result<OwnSockets> listen_as(const Settings& settings, int loops) {
  PGKEEP_CHECK(check_listening(settings));
  PGKEEP_TRY(OwnSockets all, listen_everywhere(settings, loops));
  if (!settings.unix_socket_dir.empty()) {
    auto listening = listen_unix(settings);
    if (!listening) {
      base::Error error = std::move(listening).error();
      error.what = fmt::format("failed to create unix socket: {}", error.what);
      return error;
    }
    all.sockets.push_back(*std::move(listening));
  }
  if (all.sockets.empty())
    return base::Error{.code = base::Code::config,
                       .what = "nowhere to listen on",
                       .expected = "listen_addr or unix_socket_dir"};
  return all;
}

} // namespace pgkeep::pool
