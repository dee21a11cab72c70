// Receiving and sending through TLS: as many system calls as without it. What one recv brought is
// opened at once into the loop's buffer, and what goes out is sealed into another and sent as it
// is, so that what a full socket does not take is kept in the sealed form.
#include <sys/socket.h>

#include <fmt/format.h>

#include "pool/loop.h"

namespace pgkeep::pool {
namespace {

// A record is whole after so many full buffers; what makes more of them and says nothing (key
// updates) has to let others have a turn.
constexpr int kSilentRoundsMax = 2;
// Of a buffer that is kept for the next one.
constexpr std::size_t kScratchBytesMax = 1U << 20U;

void keep_small(std::string& scratch) {
  if (scratch.capacity() > kScratchBytesMax) scratch = {};
}

} // namespace

/// As receive(): what came may be nothing but the front of a record.
ssize_t Loop::receive_secure(Endpoint& endpoint) {
  if (endpoint.is_tls_over) {
    endpoint.is_ended = true;
    endpoint.is_readable = false;
    return 0;
  }
  if (!sealed_input_) sealed_input_ = std::make_unique<std::array<char, kSealedBytes>>();
  for (int round = 0; endpoint.is_readable; ++round) {
    if (round == kSilentRoundsMax) {
      put_off(endpoint);
      return -1;
    }
    const ssize_t count = receive_plain(endpoint, *sealed_input_);
    if (count <= 0) return count;
    sealed_.clear();
    const TlsSession::Received received =
        endpoint.tls->receive({sealed_input_->data(), static_cast<std::size_t>(count)},
                              input_->data(), input_->size(), sealed_);
    // Alerts. Whoever provokes them and does not read them would fill our memory.
    const bool is_deaf =
        !sealed_.empty() && endpoint.kept && endpoint.kept->rest().size() > kSealedBytes;
    if (!is_deaf) send_plain(endpoint, sealed_);
    if (received.is_over || is_deaf) {
      if (!endpoint.tls->problem().empty())
        shared_.log.warning(fmt::format("tls_sbufio_recv: {}", endpoint.tls->problem()));
      endpoint.is_tls_over = endpoint.is_ended = true;
      endpoint.is_readable = received.count > 0; // The end is behind it.
      return static_cast<ssize_t>(received.count);
    }
    if (received.count > 0) return static_cast<ssize_t>(received.count);
  }
  return -1;
}

void Loop::send_secure(Endpoint& endpoint, std::span<const std::string_view> parts) {
  std::string_view plain;
  for (const std::string_view part : parts) {
    if (part.empty()) continue;
    if (plain.empty()) {
      plain = part;
      continue;
    }
    // Parts of one thing to say: one record.
    if (plain.data() != open_.data()) open_.assign(plain);
    open_.append(part);
    plain = open_;
  }
  if (plain.empty() || !endpoint.fd.is_open() || endpoint.is_tls_over) return;
  sealed_.clear();
  if (endpoint.tls->send(plain, sealed_)) {
    send_plain(endpoint, sealed_);
    keep_small(sealed_);
    keep_small(open_);
    return;
  }
  shared_.log.warning(fmt::format("tls_sbufio_send: {}", endpoint.tls->problem()));
  endpoint.is_tls_over = endpoint.is_ended = endpoint.is_readable = true;
  put_off(endpoint);
}

/// Before a connection is closed: the other side can tell this from somebody who cut the line. It
/// may fail; then the end is all that it learns.
void Loop::say_goodbye(int fd, TlsSession* tls) {
  if (tls == nullptr || fd < 0) return;
  sealed_.clear();
  tls->say_goodbye(sealed_);
  if (!sealed_.empty()) static_cast<void>(::send(fd, sealed_.data(), sealed_.size(), MSG_NOSIGNAL));
}

} // namespace pgkeep::pool
