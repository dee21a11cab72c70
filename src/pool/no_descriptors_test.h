/// A process that may open nothing more before it closes something, for as long as this lives. For
/// tests.
#pragma once

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/fd.h"

namespace pgkeep::pool {

class NoDescriptors {
public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit few{.rlim_cur = kMost, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
    for (base::Fd fd(::dup(STDERR_FILENO)); fd.is_open(); fd = base::Fd(::dup(STDERR_FILENO)))
      held_.push_back(std::move(fd));
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  /// After all.
  void leave(std::size_t count) { held_.resize(held_.size() - count); }

private:
  static constexpr rlim_t kMost = 1024;
  rlimit before_{};
  std::vector<base::Fd> held_;
};

/// Of 127.0.0.1, where nobody listens at the moment.
inline std::uint16_t free_port() {
  const base::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof(address);
  ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), bytes);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &bytes);
  return ntohs(address.sin_port);
}

} // namespace pgkeep::pool
