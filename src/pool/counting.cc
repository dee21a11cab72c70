// A loop counts what it has, for the console and for statistics.
#include <sys/socket.h>

#include "pool/census.h"
#include "pool/console_command.h"
#include "pool/control.h"
#include "pool/loop.h"

namespace pgkeep::pool {
namespace {

constexpr std::string_view kNoUser = "(nouser)";
constexpr std::string_view kNoDatabase = "(nodb)";

struct Place {
  std::string address;
  std::uint16_t port = 0;
};

/// As PgBouncer shows it: "unix", "127.0.0.1", "::1".
Place place_of(const Peer& peer) {
  if (peer.is_unix) return {.address = "unix", .port = peer.port};
  return {.address = text_of(peer.ip), .port = peer.port};
}

Place own_place(const Endpoint& endpoint, std::uint16_t unix_port) {
  SocketAddress own;
  own.bytes = sizeof(own.storage);
  if (!endpoint.fd.is_open() ||
      ::getsockname(endpoint.fd.get(), reinterpret_cast<sockaddr*>(&own.storage), &own.bytes) != 0)
    return {};
  Place place = place_of(peer_of(own));
  if (endpoint.is_unix) place.port = unix_port;
  return place;
}

std::uintptr_t number_of(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer); // NOLINT(*-reinterpret-cast): it is shown.
}

/// Of a connection whose TLS stands.
std::string tls_of(const Endpoint& endpoint) {
  return endpoint.tls && !endpoint.is_in_handshake ? endpoint.tls->text() : std::string();
}

std::string_view replication_of(const Client& client) {
  if (!client.replication) return "none";
  return client.replication->kind == Replication::physical ? "physical" : "logical";
}

std::string_view state_of(const Client& client) {
  switch (client.state) {
  case Client::State::login:
    return "login";
  case Client::State::welcome:
  case Client::State::waiting:
    return "waiting";
  case Client::State::setting:
  case Client::State::active:
    return "active";
  default:
    return "idle";
  }
}

} // namespace

void PoolCensus::add(const PoolCensus& other) {
  constexpr int PoolCensus::* kCounts[] = {&PoolCensus::clients,
                                           &PoolCensus::clients_waiting,
                                           &PoolCensus::cancels_active,
                                           &PoolCensus::cancels_waiting,
                                           &PoolCensus::servers_active,
                                           &PoolCensus::servers_idle,
                                           &PoolCensus::servers_being_canceled,
                                           &PoolCensus::servers_used,
                                           &PoolCensus::servers_tested,
                                           &PoolCensus::servers_login,
                                           &PoolCensus::servers_outdated,
                                           &PoolCensus::clients_pinned,
                                           &PoolCensus::clients_listening,
                                           &PoolCensus::servers_listening};
  for (const auto count : kCounts)
    this->*count += other.*count;
  if (other.waiting_since != 0 && (waiting_since == 0 || other.waiting_since < waiting_since))
    waiting_since = other.waiting_since;
  traffic.add(other.traffic);
  durations.add(other.durations);
  extras.add(other.extras);
  for (std::size_t i = 0; i < clients_holding.size(); ++i)
    clients_holding[i] += other.clients_holding[i];
}

void Loop::take_census(const CountWish& wish) {
  auto census = std::make_unique<Census>();
  if (wish.kill_client != 0) census->has_killed = kill_client(wish.kill_client);
  for (const auto& pool : pools_)
    census->pools.push_back(census_of(*pool));
  census->console = console_traffic_;
  census->peers = census_of_peers();
  census->logins = static_cast<int>(logins_.size());
  if (regime_.pause == PauseMode::suspend) census->restless = restless();
  if (wish.with_sockets) {
    for (const auto& client : clients_) {
      if (client != nullptr) census->sockets.push_back(census_of(*client));
    }
    for (const auto& [server, owner] : servers_)
      census->sockets.push_back(census_of(*server));
    count_cancels(*census);
    for (const auto& listener : listeners_) {
      const Place own = own_place(*listener, listener->port);
      census->sockets.push_back({.state = kPoolerSocket,
                                 .address = own.address,
                                 .port = own.port,
                                 .fd = listener->fd.get()});
    }
  }
  shared_.control->post(Counted{.ticket = wish.ticket, .census = std::move(census)});
}

bool Loop::kill_client(std::uint64_t id) {
  for (const auto& client : clients_) {
    if (client == nullptr || client->id != id) continue;
    disconnect(*client, "admin forced disconnect", true);
    return true;
  }
  return false;
}

PoolCensus Loop::census_of(const LoopPool& pool) const {
  PoolCensus census{.pool = pool.owner,
                    .traffic = pool.traffic,
                    .durations = pool.durations,
                    .extras = pool.extras};
  census.clients_waiting = static_cast<int>(pool.waiting.size() + pool.welcoming.size());
  census.clients =
      pool.shared.part(index_).clients.load(std::memory_order_relaxed) - census.clients_waiting;
  for (const Client* first : {pool.waiting.front(), pool.welcoming.front()}) {
    if (first == nullptr) continue;
    const Micros since =
        first->state == Client::State::waiting ? first->wait_since : first->connected_at;
    if (census.waiting_since == 0 || since < census.waiting_since) census.waiting_since = since;
  }
  for (const auto& [canceller, owner] : cancellers_) {
    if (canceller->pool == pool.owner)
      ++(canceller->is_connected ? census.cancels_active : census.cancels_waiting);
  }
  for (const auto* list : {&pool.idle, &pool.active, &pool.starting, &pool.busy}) {
    for (const Server* server = list->front(); server != nullptr; server = list->next(*server)) {
      census.servers_outdated += pool.shared.is_outdated(server->epoch) ? 1 : 0;
      const std::string_view state = state_of(*server);
      census.servers_active += state == "active" ? 1 : 0;
      census.servers_used += list == &pool.idle && state == "used" ? 1 : 0;
      census.servers_tested += state == "tested" ? 1 : 0;
      census.servers_being_canceled += state == "being_canceled" ? 1 : 0;
    }
  }
  census.clients_listening = pool.listeners;
  census.servers_listening = pool.ear && pool.ear->is_ready ? 1 : 0;
  for (const Server* server = pool.active.front(); server != nullptr;
       server = pool.active.next(*server)) {
    const wire::Holds held = server->client == nullptr ? wire::Holds{0} : server->client->held;
    census.clients_pinned += held != 0 ? 1 : 0;
    for (std::size_t i = 0; i < census.clients_holding.size(); ++i)
      census.clients_holding[i] += (held & (1U << i)) != 0 ? 1 : 0;
  }
  census.servers_login = static_cast<int>(pool.starting.size());
  census.servers_idle = static_cast<int>(pool.idle.size()) - census.servers_used;
  return census;
}

std::string_view Loop::state_of(const Server& server) const {
  switch (server.state) {
  case Server::State::connecting:
  case Server::State::login:
    return "new";
  case Server::State::active:
  case Server::State::asked:
    return "active";
  case Server::State::resetting:
  case Server::State::checking:
    return "tested";
  case Server::State::cancelled:
    return "being_canceled";
  default:
    return needs_check(server) ? "used" : "idle";
  }
}

SocketCensus Loop::census_of(const Client& client) const {
  const Place from = place_of(client.peer);
  const Place own = own_place(client, client.peer.port);
  const TrackedNames& tracked = directory_->tracked;
  SocketCensus census{.is_logged_in = client.state != Client::State::login,
                      .user = client.user.empty() ? std::string(kNoUser) : client.user,
                      .database = client.console           ? std::string(kConsoleName)
                                  : client.pool != nullptr ? client.pool->shared.name()
                                                           : std::string(kNoDatabase),
                      .state = pool::state_of(client),
                      .address = from.address,
                      .port = from.port,
                      .local_address = own.address,
                      .local_port = own.port,
                      .connected_at = client.connected_at,
                      .request_at = client.request_at,
                      .self = number_of(&client),
                      .link = number_of(client.server),
                      .process = client.peer.process,
                      .id = client.id,
                      .is_busy = client.kept != nullptr,
                      .fd = client.fd.is_open() ? client.fd.get() : -1,
                      .link_fd = client.server == nullptr ? -1 : client.server->fd.get()};
  if (census.state == "active" && client.query_at != 0) census.waits = now_ - client.query_at;
  if (client.state == Client::State::waiting) census.waits = now_ - client.wait_since;
  if (client.state == Client::State::welcome) census.waits = now_ - client.connected_at;
  if (client.statements) census.statements = client.statements->size();
  census.held = client.held;
  census.tls = tls_of(client);
  census.replication = replication_of(client);
  const auto value = [&](std::string_view name) {
    const auto index = tracked.index_of(name);
    return std::string(index ? client.parameters.get(*index).value_or("") : "");
  };
  census.application_name = value("application_name");
  census.parameters = {value("client_encoding"), value("standard_conforming_strings"),
                       value("datestyle"), value("timezone")};
  return census;
}

/// Cancel requests: whoever asked as a client, the connection that carries it as a server.
void Loop::count_cancels(Census& census) const {
  const auto client_of = [](const Asker& asker, Micros since, bool is_active) {
    const Place from = place_of(asker.peer);
    return SocketCensus{.user = std::string(kNoUser),
                        .database = std::string(kNoDatabase),
                        .state = is_active ? "active_cancel_req" : "waiting_cancel_req",
                        .address = from.address,
                        .port = from.port,
                        .connected_at = asker.connected_at,
                        .request_at = since,
                        .process = asker.peer.process,
                        .id = asker.id};
  };
  for (const auto& [id, pool] : peer_pools_) {
    for (const PeerWish& wish : pool.waiting)
      census.sockets.push_back(client_of(wish.asker, wish.since, false));
  }
  for (const auto& [canceller, owner] : cancellers_) {
    SocketCensus client = client_of(canceller->asker, canceller->since, canceller->is_connected);
    const Place there = place_of(peer_of(canceller->address));
    SocketCensus server{.is_server = true,
                        .user = std::string(kNoUser),
                        .database = std::string(kNoDatabase),
                        .state = canceller->is_connected ? "active_cancel" : "new",
                        .address = there.address,
                        .port = there.port,
                        .connected_at = canceller->since,
                        .request_at = canceller->since,
                        .id = canceller->id};
    if (canceller->pool) {
      client.database = server.database = canceller->pool->name();
      server.user = canceller->pool->user();
      if (canceller->is_unix) server.port = canceller->pool->database().port;
    }
    client.self = server.link = number_of(&canceller->asker);
    server.self = client.link = number_of(canceller);
    server.tls = tls_of(*canceller);
    census.sockets.push_back(std::move(client));
    census.sockets.push_back(std::move(server));
  }
}

SocketCensus Loop::census_of(const Server& server) const {
  Place there = place_of(peer_of(server.address));
  const std::uint16_t port = server.pool->shared.database().port;
  if (server.is_unix) there.port = port;
  const Place own = own_place(server, port);
  SocketCensus census{.is_server = true,
                      .user = server.pool->shared.user(),
                      .database = server.pool->shared.name(),
                      .state = state_of(server),
                      .address = there.address,
                      .port = there.port,
                      .local_address = own.address,
                      .local_port = own.port,
                      .connected_at = server.connected_at,
                      .request_at = server.request_at,
                      .is_outdated = server.pool->shared.is_outdated(server.epoch),
                      .self = number_of(&server),
                      .link = number_of(server.client),
                      .process = server.process,
                      .id = server.id,
                      .is_busy = server.kept != nullptr,
                      .fd = server.fd.is_open() ? server.fd.get() : -1,
                      .link_fd = server.client == nullptr ? -1 : server.client->fd.get(),
                      .parameters = {"", "", "", ""}};
  if (server.prepared) census.statements = server.prepared->known.size();
  census.tls = tls_of(server);
  if (server.client != nullptr) {
    census.held = server.client->held;
    census.replication = replication_of(*server.client);
    const auto index = directory_->tracked.index_of("application_name");
    if (index) census.application_name = server.client->parameters.get(*index).value_or("");
  }
  return census;
}

} // namespace pgkeep::pool
