// A cancel request finds its client by the number that the client was told, in whatever loop that
// is, and goes to the server that works for it over a connection of its own. Until that is through
// the server is given to nobody else, so that no one else's query is cancelled.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "pool/cancel_key.h"
#include "pool/control.h"
#include "pool/loop.h"
#include "wire/bytes.h"
#include "wire/startup.h"

namespace pgkeep::pool {
namespace {

constexpr std::size_t kCancelsMax = 1024; // Of one loop at a time.

} // namespace

void Loop::cancel(CancelWish wish) {
  const std::int64_t own = settings().peer_id;
  if (own > 0 && peer_in(wish.process) != own) {
    forward(std::move(wish));
    return;
  }
  const auto place = shared_.moved_keys.find(key_of(wish));
  const std::uint32_t loop =
      place ? static_cast<std::uint32_t>(place->loop) : loop_in(wish.process);
  if (loop != static_cast<std::uint32_t>(index_)) {
    if (loop < shared_.loops.size()) shared_.loops[loop]->post(std::move(wish));
    return;
  }
  const Client* client = find_cancelled(wish);
  if (client == nullptr && wish.may_be_of_former) {
    shared_.control->post(CancelOfFormer{key_of(wish)});
  } else if (client == nullptr) {
    shared_.log.info("failed cancel request");
  }
  const bool runs =
      client != nullptr && client->server != nullptr && !client->server->cancel_key.empty();
  if (runs && client->server->swallowed > 0) {
    hold_cancel(*client->server, std::move(wish.asker));
  } else if (runs && cancellers_.size() < kCancelsMax) {
    start_cancel(*client->server, std::move(wish.asker));
  } else {
    say_goodbye(wish.asker.fd.get(), wish.asker.tls.get());
  }
  if (client != nullptr && client->console && client->console->is_waiting)
    shared_.control->post(
        ConsoleCancel{.who = {.loop = index_, .slot = client->slot, .id = client->id}});
}

/// As the client was told it.
CancelKey Loop::key_of(const CancelWish& wish) const {
  return {.process = wish.process,
          .secret =
              wire::Reader(wish.key).uint32() | (settings().peer_id == 0 ? 0 : kCancelTimesMask)};
}

/// Null where there is none.
Client* Loop::find_cancelled(const CancelWish& wish) {
  const std::int64_t peer = settings().peer_id;
  if (wish.key.size() != sizeof(std::uint32_t)) return nullptr;
  const CancelKey wanted = key_of(wish);
  if (const auto place = shared_.moved_keys.find(wanted)) {
    Client* client = place->slot < clients_.size() ? clients_[place->slot].get() : nullptr;
    return client != nullptr && client->id == place->id ? client : nullptr;
  }
  const std::uint32_t step = peer == 0 ? 1U << kCancelSlotBits : kCancelSharedSlots;
  for (std::size_t slot = slot_in(wish.process, peer); slot < clients_.size(); slot += step) {
    Client* client = clients_[slot].get();
    if (client == nullptr || client->state == Client::State::login) continue;
    const CancelKey told = cancel_key_of(static_cast<std::uint32_t>(index_),
                                         static_cast<std::uint32_t>(slot), client->secret, peer);
    if (told == wanted) return client;
  }
  return nullptr;
}

/// The server works for us, before it works for the client or behind that: what we asked must not
/// be hit. Where nothing of the client is left to be cancelled, the request is for nothing, as one
/// that is late is at a server.
void Loop::hold_cancel(Server& server, Asker asker) {
  const bool is_owed = server.client->exchange.owed() > 0;
  if (is_owed && held_cancels_.size() < kCancelsMax && !held_cancels_.contains(&server)) {
    held_cancels_.emplace(&server, std::move(asker));
  } else {
    say_goodbye(asker.fd.get(), asker.tls.get());
  }
}

/// What we asked the server is answered, or it is gone.
void Loop::end_held_cancel(Server& server) {
  const auto held = held_cancels_.find(&server);
  if (held == held_cancels_.end()) return;
  Asker asker = std::move(held->second);
  held_cancels_.erase(held);
  const bool is_owed = server.client != nullptr && server.client->exchange.owed() > 0;
  if (is_owed && cancellers_.size() < kCancelsMax) {
    start_cancel(server, std::move(asker));
  } else {
    say_goodbye(asker.fd.get(), asker.tls.get());
  }
}

void Loop::start_cancel(Server& server, Asker asker) {
  std::string request;
  wire::append_cancel_request(request, server.process, server.cancel_key);
  Canceller* const canceller = open_canceller(server.address, std::move(request), std::move(asker));
  if (canceller == nullptr) return;
  // Over what the server itself is talked to: the key is a secret.
  if (server.tls) canceller->opening = TlsOpening::of(server.pool->shared.tls(), server.host);
  canceller->target = &server;
  canceller->pool = server.pool->owner;
  ++server.cancels;
}

/// Null where it cannot be.
Canceller* Loop::open_canceller(const SocketAddress& address, std::string request, Asker asker) {
  if (cancellers_.size() >= kCancelsMax) return nullptr;
  auto owner = std::make_unique<Canceller>();
  Canceller& canceller = *owner;
  canceller.asker = std::move(asker);
  canceller.since = now_;
  canceller.id = shared_.last_id.fetch_add(1, std::memory_order_relaxed) + 1;
  canceller.address = address;
  canceller.is_unix = address.is_unix();
  canceller.request = std::move(request);
  canceller.fd =
      base::Fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!canceller.fd.is_open()) return nullptr;
  if (::connect(canceller.fd.get(), address.get(), address.bytes) != 0 && errno != EINPROGRESS)
    return nullptr;
  cancellers_.emplace(&canceller, std::move(owner));
  watch(canceller, true);
  return &canceller;
}

/// Once it is connected the request goes out; the server closes when it has passed it on.
void Loop::look_at_canceller(Canceller& canceller) {
  if (canceller.is_away) return;
  if (!canceller.is_connected) {
    int problem = 0;
    socklen_t bytes = sizeof(problem);
    ::getsockopt(canceller.fd.get(), SOL_SOCKET, SO_ERROR, &problem, &bytes);
    if (problem != 0) {
      end_cancel(canceller);
      return;
    }
    canceller.is_connected = true;
    shared_.log.info("started sending cancel request");
    if (canceller.opening) {
      send(canceller, TlsOpening::first());
    } else {
      send_cancel(canceller);
    }
    return;
  }
  if (!canceller.is_readable) return;
  const ssize_t count = receive(canceller);
  if (count == 0) {
    const bool is_said = !canceller.opening && canceller.request.empty();
    if (is_said && settings().log_disconnections)
      shared_.log.info("successfully sent cancel request");
    end_cancel(canceller);
  } else if (count > 0 && canceller.opening) {
    apply(canceller, canceller.opening->feed({input_->data(), static_cast<std::size_t>(count)}));
  }
}

/// On the way to TLS.
void Loop::apply(Canceller& canceller, TlsOpening::Step step) {
  using Kind = TlsOpening::Step::Kind;
  send_plain(canceller, step.send);
  switch (step.kind) {
  case Kind::wait:
    if (canceller.is_readable) put_off(canceller);
    break;
  case Kind::work: {
    canceller.is_away = true;
    auto job = [this, &canceller, opening = std::move(canceller.opening)]() mutable {
      TlsOpening::Step next = opening->work();
      post_always(CancelWorked{
          .canceller = &canceller, .opening = std::move(opening), .step = std::move(next)});
    };
    if (shared_.workers.post(std::move(job))) break;
    canceller.is_away = false;
    end_cancel(canceller);
    break;
  }
  case Kind::plain: // Not the server that we are connected to, which has TLS.
  case Kind::fail:
    if (!step.problem.empty())
      shared_.log.warning(fmt::format("TLS handshake error: {}", step.problem));
    end_cancel(canceller);
    break;
  case Kind::secure:
    canceller.tls = canceller.opening->take();
    canceller.opening.reset();
    send_cancel(canceller);
    if (canceller.is_readable) put_off(canceller);
    break;
  }
}

void Loop::send_cancel(Canceller& canceller) {
  send(canceller, canceller.request);
  canceller.request.clear();
}

void Loop::end_cancel(Canceller& canceller) {
  Server* server = std::exchange(canceller.target, nullptr);
  const std::int64_t peer = canceller.peer;
  auto owner = cancellers_.extract(&canceller);
  say_goodbye(canceller.asker.fd.get(), canceller.asker.tls.get());
  canceller.asker = {};
  bury(std::move(owner.mapped()));
  if (peer != 0) {
    PeerPool& pool = peer_pools_[peer];
    --pool.taken;
    serve(peer, pool);
  }
  if (server == nullptr) return;
  --server->cancels;
  if (server->cancels == 0 && server->state == Server::State::cancelled) set_free(*server);
}

} // namespace pgkeep::pool
