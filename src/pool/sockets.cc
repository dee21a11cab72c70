// Receiving and sending. A failed send is told to nobody: the socket is marked as ended and looked
// at in the next pass, where receiving finds out, so that sending never closes what its caller
// works on.
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "pool/loop.h"

namespace pgkeep::pool {
namespace {

constexpr std::size_t kPartsMax = 4;
constexpr std::size_t kSpareBytesMax = 262'144; // Of a buffer that is kept for the next one.
constexpr std::size_t kRandomBytes = 4096;

} // namespace

/// Bytes are in input_. 0: the other side is gone. Below 0: there are none now.
ssize_t Loop::receive(Endpoint& endpoint) {
  return endpoint.tls ? receive_secure(endpoint) : receive_plain(endpoint, *input_);
}

ssize_t Loop::receive_plain(Endpoint& endpoint, std::span<char> room) {
  const ssize_t count = ::recv(endpoint.fd.get(), room.data(), room.size(), 0);
  if (count > 0) {
    // A short read means that all was taken: an edge tells of what comes next. Behind the last
    // bytes there is the end to be read.
    if (static_cast<std::size_t>(count) < room.size() && !endpoint.is_ended)
      endpoint.is_readable = false;
    return count;
  }
  if (count < 0 && errno == EINTR) {
    put_off(endpoint);
    return -1;
  }
  endpoint.is_readable = false;
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return -1;
  endpoint.is_ended = true;
  return 0;
}

void Loop::send(Endpoint& endpoint, std::span<const std::string_view> parts) {
  if (endpoint.tls) {
    send_secure(endpoint, parts);
  } else {
    send_plain(endpoint, parts);
  }
}

void Loop::send_plain(Endpoint& endpoint, std::span<const std::string_view> parts) {
  std::size_t sent = 0;
  std::size_t total = 0;
  std::array<iovec, kPartsMax> vectors{};
  std::size_t count = 0;
  for (const std::string_view part : parts) {
    if (part.empty()) continue;
    PGKEEP_ASSERT(count < kPartsMax);
    vectors[count++] = {.iov_base = const_cast<char*>(part.data()), .iov_len = part.size()};
    total += part.size();
  }
  if (total == 0 || !endpoint.fd.is_open()) return;
  if (!endpoint.kept) {
    ssize_t done = 0;
    if (count == 1) {
      done = ::send(endpoint.fd.get(), vectors[0].iov_base, total, MSG_NOSIGNAL);
    } else {
      msghdr message{};
      message.msg_iov = vectors.data();
      message.msg_iovlen = count;
      done = ::sendmsg(endpoint.fd.get(), &message, MSG_NOSIGNAL);
    }
    if (done < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      endpoint.is_ended = endpoint.is_readable = true;
      put_off(endpoint);
      return;
    }
    sent = static_cast<std::size_t>(std::max<ssize_t>(done, 0));
    if (sent == total) return;
    endpoint.kept = borrow();
  }
  for (const std::string_view part : parts) {
    const std::size_t skipped = std::min(sent, part.size());
    endpoint.kept->bytes += part.substr(skipped);
    sent -= skipped;
  }
  if (!endpoint.waits_to_send) {
    endpoint.waits_to_send = true;
    if (endpoint.is_unix) watch(endpoint, false);
  }
}

void Loop::flush(Endpoint& endpoint) {
  if (endpoint.kept) {
    const std::string_view rest = endpoint.kept->rest();
    const ssize_t done = ::send(endpoint.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (done < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (done < 0) {
      endpoint.is_ended = endpoint.is_readable = true;
      put_off(endpoint);
    } else {
      endpoint.kept->sent += static_cast<std::size_t>(done);
      if (!endpoint.kept->rest().empty()) return;
    }
    give_back(endpoint.kept);
  }
  endpoint.waits_to_send = false;
  if (endpoint.is_unix) watch(endpoint, false);
  // Whoever was not read because of it may go on.
  if (endpoint.kind == Endpoint::Kind::client) {
    auto& client = static_cast<Client&>(endpoint);
    if (client.server != nullptr && client.server->is_readable) put_off(*client.server);
    if (client.listening) deliver(client);
    // What it has said meanwhile.
    const bool is_read =
        client.state == Client::State::idle || client.state == Client::State::active;
    if (client.console || (is_read && (client.is_readable || client.unread))) put_off(client);
  } else if (endpoint.kind == Endpoint::Kind::server) {
    auto& server = static_cast<Server&>(endpoint);
    if (server.client != nullptr && server.client->is_readable) put_off(*server.client);
    settle(server);
  }
}

/// TCP says that a socket can be written again only after it was full; a Unix socket says so after
/// each read of the other side, so it is asked only while that is waited for.
void Loop::watch(Endpoint& endpoint, bool is_new) {
  std::uint32_t wanted = EPOLLIN | EPOLLRDHUP | EPOLLET;
  const bool is_connecting = endpoint.kind == Endpoint::Kind::cancel ||
                             (endpoint.kind == Endpoint::Kind::server &&
                              static_cast<Server&>(endpoint).state == Server::State::connecting);
  if (!endpoint.is_unix || endpoint.waits_to_send || is_connecting) wanted |= EPOLLOUT;
  epoll_event event{.events = wanted, .data = {.ptr = &endpoint}};
  const int operation = is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll_.get(), operation, endpoint.fd.get(), &event) == 0) return;
  // Out of watches or memory: the connection cannot work.
  endpoint.is_ended = endpoint.is_readable = true;
  put_off(endpoint);
}

std::unique_ptr<Kept> Loop::borrow() {
  if (spare_.empty()) return std::make_unique<Kept>();
  std::unique_ptr<Kept> kept = std::move(spare_.back());
  spare_.pop_back();
  return kept;
}

void Loop::give_back(std::unique_ptr<Kept>& kept) {
  if (!kept) return;
  if (spare_.size() < kSpareMax && kept->bytes.capacity() <= kSpareBytesMax) {
    kept->bytes.clear();
    kept->sent = 0;
    spare_.push_back(std::move(kept));
  }
  kept.reset();
}

std::string Loop::random(std::size_t count) {
  if (random_.size() < count) {
    random_.resize(kRandomBytes);
    for (std::size_t at = 0; at < random_.size();) {
      const ssize_t got = ::getrandom(random_.data() + at, random_.size() - at, 0);
      PGKEEP_ASSERT(got > 0 || errno == EINTR);
      if (got > 0) at += static_cast<std::size_t>(got);
    }
  }
  std::string taken = random_.substr(random_.size() - count);
  random_.resize(random_.size() - count);
  return taken;
}

} // namespace pgkeep::pool
