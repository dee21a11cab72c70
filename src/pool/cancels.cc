// A cancel request finds its client by the number that the client was told, in whatever loop that
// is, and goes to the server that works for it over a connection of its own. Until that is through
// the server is given to nobody else, so that no one else's query is cancelled.
#include <sys/socket.h>

#include <cerrno>

#include "pool/loop.h"
#include "wire/bytes.h"
#include "wire/startup.h"

namespace pgkeep::pool {
namespace {

constexpr std::uint32_t kSlotBits = 24;
constexpr std::uint32_t kSlotMask = (1U << kSlotBits) - 1;
constexpr std::size_t kCancelsMax = 1024; // Of one loop at a time.

} // namespace

void Loop::cancel(CancelWish wish) {
  const std::uint32_t loop = wish.process >> kSlotBits;
  if (loop != static_cast<std::uint32_t>(index_)) {
    if (loop < shared_.loops.size()) shared_.loops[loop]->post(std::move(wish));
    return;
  }
  const std::uint32_t slot = wish.process & kSlotMask;
  std::string key;
  const Client* client = slot < clients_.size() ? clients_[slot].get() : nullptr;
  if (client != nullptr) wire::append_uint32(key, client->secret);
  if (client == nullptr || key != wish.key) {
    shared_.log.info("failed cancel request");
    return;
  }
  if (client->server == nullptr || client->server->cancel_key.empty()) return; // It runs nothing.
  if (cancellers_.size() < kCancelsMax) start_cancel(*client->server, std::move(wish.fd));
}

void Loop::start_cancel(Server& server, base::Fd asker) {
  auto owner = std::make_unique<Canceller>();
  Canceller& canceller = *owner;
  canceller.asker = std::move(asker);
  canceller.since = now_;
  canceller.is_unix = server.is_unix;
  wire::append_cancel_request(canceller.request, server.process, server.cancel_key);
  canceller.fd = base::Fd(
      ::socket(server.address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!canceller.fd.is_open()) return;
  if (::connect(canceller.fd.get(), server.address.get(), server.address.bytes) != 0 &&
      errno != EINPROGRESS)
    return;
  canceller.target = &server;
  ++server.cancels;
  cancellers_.emplace(&canceller, std::move(owner));
  watch(canceller, true);
}

/// Once it is connected the request goes out; the server closes when it has passed it on.
void Loop::look_at_canceller(Canceller& canceller) {
  if (!canceller.request.empty()) {
    int problem = 0;
    socklen_t bytes = sizeof(problem);
    ::getsockopt(canceller.fd.get(), SOL_SOCKET, SO_ERROR, &problem, &bytes);
    if (problem != 0) {
      end_cancel(canceller);
      return;
    }
    shared_.log.info("started sending cancel request");
    send(canceller, canceller.request);
    canceller.request.clear();
    return;
  }
  if (canceller.is_readable && receive(canceller) == 0) end_cancel(canceller);
}

void Loop::end_cancel(Canceller& canceller) {
  Server* server = std::exchange(canceller.target, nullptr);
  auto owner = cancellers_.extract(&canceller);
  canceller.asker.reset();
  bury(std::move(owner.mapped()));
  if (server == nullptr) return;
  --server->cancels;
  if (server->cancels == 0 && server->state == Server::State::cancelled) set_free(*server);
}

} // namespace pgkeep::pool
