// Cancel requests for clients of peers. The connections that carry them to a peer belong to one
// loop, so that the peer's pool_size is one limit over all loops; whoever comes when all are taken
// waits there, and is let go after cancel_wait_timeout.
#include <algorithm>

#include <fmt/format.h>

#include "pool/cancel_key.h"
#include "pool/loop.h"
#include "wire/startup.h"

namespace pgkeep::pool {
namespace {

constexpr std::size_t kWaitingMax = 1024; // For one peer.

const PeerDefinition* find_peer(const Directory& files, std::int64_t id) {
  const std::vector<PeerDefinition>& peers = files.configuration.peers;
  const auto found = std::ranges::find(peers, id, &PeerDefinition::id);
  return found == peers.end() ? nullptr : &*found;
}

} // namespace

/// To the peer whose client it is.
void Loop::forward(CancelWish wish) {
  const std::int64_t id = peer_in(wish.process);
  const std::size_t loop = static_cast<std::size_t>(id) % shared_.loops.size();
  if (loop != static_cast<std::size_t>(index_)) {
    shared_.loops[loop]->post(std::move(wish));
    return;
  }
  const bool is_spent = wish.key.size() != sizeof(std::uint32_t) ||
                        (static_cast<unsigned char>(wish.key.back()) & kCancelTimesMask) == 0;
  if (is_spent) {
    shared_.log.info("failed to forward cancel request because its TTL was exhausted");
    say_goodbye(wish.asker.fd.get(), wish.asker.tls.get());
    return;
  }
  --wish.key.back();
  if (find_peer(*directory_, id) == nullptr) {
    shared_.log.info("could not find peer to forward request to");
    say_goodbye(wish.asker.fd.get(), wish.asker.tls.get());
    return;
  }
  PeerPool& pool = peer_pools_[id];
  if (pool.waiting.size() >= kWaitingMax) {
    shared_.log.info(fmt::format("{} cancel requests wait for peer {} already: this one is dropped",
                                 kWaitingMax, id));
    say_goodbye(wish.asker.fd.get(), wish.asker.tls.get());
    return;
  }
  PeerWish for_peer{.peer = id, .asker = std::move(wish.asker), .since = now_};
  wire::append_cancel_request(for_peer.request, wish.process, wish.key);
  pool.waiting.push_back(std::move(for_peer));
  serve(id, pool);
}

/// Those who wait, as far as there are places.
void Loop::serve(std::int64_t id, PeerPool& pool) {
  const DirectoryPtr files = directory_;
  const PeerDefinition* const peer = find_peer(*files, id);
  const std::int64_t most =
      peer == nullptr ? 0 : peer->pool_size.value_or(files->settings().default_pool_size);
  while (!pool.waiting.empty() && (most <= 0 || pool.taken < most)) {
    PeerWish wish = std::move(pool.waiting.front());
    pool.waiting.pop_front();
    if (peer == nullptr) { // It is gone since then.
      say_goodbye(wish.asker.fd.get(), wish.asker.tls.get());
      continue;
    }
    ++pool.taken;
    carry(*peer, std::move(wish));
  }
}

void Loop::carry(const PeerDefinition& peer, PeerWish wish) {
  const std::string host = peer.host.empty() ? settings().unix_socket_dir : peer.host;
  if (host.starts_with('/') || host.starts_with('@')) {
    const auto address = unix_address(host, peer.port);
    carry(std::move(wish), address ? &*address : nullptr);
  } else if (const auto numeric = numeric_address(host, peer.port)) {
    carry(std::move(wish), &*numeric);
  } else {
    const auto address_in = [port = peer.port](const HostNames::Addresses& addresses) {
      return addresses.empty() ? std::nullopt : std::optional(with_port(addresses.front(), port));
    };
    if (const auto known = shared_.host_names.known(host, now_)) {
      const auto address = address_in(*known);
      carry(std::move(wish), address ? &*address : nullptr);
      return;
    }
    look_up(host, [this, address_in, wish = std::move(wish)](const auto& addresses) mutable {
      post_always(PeerResolved{.wish = std::move(wish), .address = address_in(addresses)});
    });
  }
}

/// Null: there is no address.
void Loop::carry(PeerWish wish, const SocketAddress* address) {
  Canceller* const canceller =
      address == nullptr ? nullptr
                         : open_canceller(*address, std::move(wish.request), std::move(wish.asker));
  if (canceller == nullptr) {
    --peer_pools_[wish.peer].taken;
    return;
  }
  canceller->peer = wish.peer;
  canceller->since = wish.since;
}

void Loop::take_peer(PeerResolved resolved) {
  const std::int64_t id = resolved.wish.peer;
  carry(std::move(resolved.wish), resolved.address ? &*resolved.address : nullptr);
  serve(id, peer_pools_[id]);
}

void Loop::keep_up_cancels() {
  const Micros longest = settings().cancel_wait_timeout.count();
  const auto is_late = [&](Micros since) { return longest > 0 && now_ - since > longest; };
  for (auto& [id, pool] : peer_pools_) {
    while (!pool.waiting.empty() && is_late(pool.waiting.front().since)) {
      const Asker asker = std::move(pool.waiting.front().asker);
      pool.waiting.pop_front();
      say_goodbye(asker.fd.get(), asker.tls.get());
    }
    serve(id, pool); // Its size may have become larger.
  }
  std::vector<Canceller*> late;
  for (const auto& [canceller, owner] : cancellers_) {
    if (is_late(canceller->since)) late.push_back(canceller);
  }
  for (Canceller* canceller : late) {
    // What was sent may be taken any time: not while the server works for another.
    if (canceller->target != nullptr && canceller->request.empty())
      canceller->target->is_cancel_late = true;
    end_cancel(*canceller);
  }
}

std::vector<PeerCensus> Loop::census_of_peers() const {
  std::vector<PeerCensus> peers;
  for (const auto& [id, pool] : peer_pools_) {
    PeerCensus census{.id = id, .waiting = static_cast<int>(pool.waiting.size())};
    for (const auto& [canceller, owner] : cancellers_)
      census.active += canceller->peer == id && canceller->is_connected ? 1 : 0;
    census.login = pool.taken - census.active;
    peers.push_back(census);
  }
  return peers;
}

} // namespace pgkeep::pool
