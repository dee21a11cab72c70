#include "pool/cares.h"

#include "pool/address.h"
#include "pool/host_names.h"

#ifdef PGKEEP_HAS_CARES
#include <ares.h>
#include <arpa/nameser.h>
#include <poll.h>

#include <array>
#include <cstring>
#include <memory>
#endif

namespace pgkeep::pool {

#ifndef PGKEEP_HAS_CARES

namespace {
base::Error not_here() {
  return {.code = base::Code::unsupported,
          .what = "this program was built without c-ares",
          .hint = "Install libc-ares-dev and build it again."};
}
} // namespace

bool has_cares() noexcept {
  return false;
}
base::Result<std::vector<IpAddress>> cares_addresses_of(const std::string& /*host*/,
                                                        const std::string& /*resolv_conf*/) {
  return not_here();
}
base::Result<std::uint32_t> cares_serial_of(const std::string& /*zone*/,
                                            const std::string& /*resolv_conf*/) {
  return not_here();
}

#else

namespace {

constexpr int kTimeoutMs = 2000; // Of a try, of which there are two a server.
constexpr int kTries = 2;
constexpr int kPauseMsMax = 500;

base::Error unreachable(int status, const std::string& name) {
  return {.code = base::Code::unreachable, .what = ::ares_strerror(status), .where = name};
}

/// A resolver that answers one question.
class Channel {
public:
  Channel() = default;
  Channel(const Channel&) = delete;
  Channel(Channel&&) = delete;
  Channel& operator=(const Channel&) = delete;
  Channel& operator=(Channel&&) = delete;
  ~Channel() {
    if (channel_ != nullptr) ::ares_destroy(channel_);
  }

  int open(const std::string& resolv_conf) {
    // Initialised once in the process, whoever comes first.
    static const int library = ::ares_library_init(ARES_LIB_INIT_ALL);
    if (library != ARES_SUCCESS) return library;
    std::string path = resolv_conf;
    ares_options options{};
    options.timeout = kTimeoutMs;
    options.tries = kTries;
    options.resolvconf_path = path.data();
    const int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | (path.empty() ? 0 : ARES_OPT_RESOLVCONF);
    return ::ares_init_options(&channel_, &options, mask);
  }
  [[nodiscard]] ares_channel get() const { return channel_; }

  /// Until what was asked is answered, or given up. A connection (an answer that was too long for a
  /// datagram) stays open behind its answer.
  void wait(const bool& is_answered) const {
    while (!is_answered) {
      std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
      const auto mask =
          static_cast<unsigned>(::ares_getsock(channel_, sockets.data(), ARES_GETSOCK_MAXNUM));
      std::array<pollfd, ARES_GETSOCK_MAXNUM> polled{};
      nfds_t count = 0;
      for (unsigned i = 0; i < sockets.size(); ++i) {
        const bool reads = ARES_GETSOCK_READABLE(mask, i) != 0;
        const bool writes = ARES_GETSOCK_WRITABLE(mask, i) != 0;
        if (!reads && !writes) continue;
        polled[count++] = {.fd = sockets[i],
                           .events =
                               static_cast<short>((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)),
                           .revents = 0};
      }
      if (count == 0) return;
      if (::poll(polled.data(), count, kPauseMsMax) <= 0) {
        ::ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD); // Its own timeouts.
        continue;
      }
      for (nfds_t i = 0; i < count; ++i) {
        const pollfd& each = polled[i];
        const bool has_come = (each.revents & (POLLIN | POLLERR | POLLHUP)) != 0;
        ::ares_process_fd(channel_, has_come ? each.fd : ARES_SOCKET_BAD,
                          (each.revents & POLLOUT) != 0 ? each.fd : ARES_SOCKET_BAD);
      }
    }
  }

private:
  ares_channel channel_ = nullptr;
};

struct Found {
  bool is_answered = false;
  int status = ARES_ETIMEOUT;
  std::vector<IpAddress> addresses;
  std::uint32_t serial = 0;
};

void take_addresses(void* argument, int status, int /*timeouts*/, ares_addrinfo* info) {
  Found& found = *static_cast<Found*>(argument);
  found.is_answered = true;
  found.status = status;
  for (const ares_addrinfo_node* node = info != nullptr ? info->nodes : nullptr; node != nullptr;
       node = node->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, node->ai_addr, node->ai_addrlen);
    address.bytes = node->ai_addrlen;
    found.addresses.push_back(peer_of(address).ip);
  }
  if (info != nullptr) ::ares_freeaddrinfo(info);
}

void take_serial(void* argument, int status, int /*timeouts*/, unsigned char* bytes, int count) {
  Found& found = *static_cast<Found*>(argument);
  found.is_answered = true;
  found.status = status;
  ares_soa_reply* reply = nullptr;
  if (status == ARES_SUCCESS) found.status = ::ares_parse_soa_reply(bytes, count, &reply);
  if (reply == nullptr) return;
  found.serial = reply->serial;
  ::ares_free_data(reply);
}

} // namespace

bool has_cares() noexcept {
  return true;
}

base::Result<std::vector<IpAddress>> cares_addresses_of(const std::string& host,
                                                        const std::string& resolv_conf) {
  Found found;
  Channel channel;
  if (const int status = channel.open(resolv_conf); status != ARES_SUCCESS)
    return unreachable(status, host);
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ::ares_getaddrinfo(channel.get(), host.c_str(), nullptr, &hints, take_addresses, &found);
  channel.wait(found.is_answered);
  if (found.status != ARES_SUCCESS) return unreachable(found.status, host);
  return std::move(found.addresses);
}

base::Result<std::uint32_t> cares_serial_of(const std::string& zone,
                                            const std::string& resolv_conf) {
  Found found;
  Channel channel;
  if (const int status = channel.open(resolv_conf); status != ARES_SUCCESS)
    return unreachable(status, zone);
  ::ares_query(channel.get(), zone.c_str(), ns_c_in, ns_t_soa, take_serial, &found);
  channel.wait(found.is_answered);
  if (found.status != ARES_SUCCESS) return unreachable(found.status, zone);
  return found.serial;
}

#endif

} // namespace pgkeep::pool
