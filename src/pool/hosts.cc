// To which server a new connection goes: the host of a list, the address of a name. Servers whose
// name has another address by now go as soon as nobody works with them.
#include <algorithm>

#include "pool/loop.h"

namespace pgkeep::pool {
namespace {

/// A port is a name's affair no more than a connection's.
SocketAddress with_port(const IpAddress& ip, std::uint16_t port) {
  const Peer peer{.ip = ip, .port = port, .is_unix = false};
  const std::string text = peer.text();
  const std::string host =
      text.front() == '[' ? text.substr(1, text.find(']') - 1) : text.substr(0, text.rfind(':'));
  return *numeric_address(host, port);
}

} // namespace

/// round-robin: the next one for each connection; disable: the same one until it fails.
std::string Loop::choose_host(Pool& pool) const {
  const DatabaseDefinition& database = pool.database();
  if (database.hosts.empty()) return settings().unix_socket_dir;
  if (database.hosts.size() == 1) return database.hosts.front();
  unsigned turn = 0;
  if (database.load_balance_hosts == LoadBalance::round_robin) {
    turn = pool.next_host.fetch_add(1);
  } else {
    turn = pool.next_host.load();
    if (pool.is_connect_failing.load()) turn = pool.next_host.fetch_add(1) + 1;
  }
  return database.hosts[turn % database.hosts.size()];
}

void Loop::connect_to(Server& server, const std::string& host) {
  const std::uint16_t port = server.pool->shared.database().port;
  server.host = host;
  if (host.empty()) {
    close(server, "cannot connect", false);
    return;
  }
  if (host.front() == '/' || host.front() == '@') {
    auto address = unix_address(host, port);
    if (!address) {
      close(server, "cannot connect", false);
      return;
    }
    server.address = *address;
    connect(server);
    return;
  }
  if (const auto numeric = numeric_address(host, port)) {
    server.address = *numeric;
    connect(server);
    return;
  }
  if (auto known = shared_.host_names.known(host, now_)) {
    connect_to(server, *known);
    return;
  }
  server.is_away = true;
  auto job = [this, &server, host, files = directory_, now = now_] {
    HostNames::Answer answer = shared_.host_names.look_up(host, files->settings(), now);
    post_always(Resolved{.server = &server, .answer = std::move(answer)});
  };
  if (shared_.names.post(std::move(job))) return;
  server.is_away = false;
  close(server, "server DNS lookup failed", false);
}

void Loop::resolved(Resolved resolved) {
  Server& server = *resolved.server;
  server.is_away = false;
  if (!resolved.answer.gone.empty()) tell_gone({server.host, std::move(resolved.answer.gone)});
  if (!server.is_dead) connect_to(server, resolved.answer.addresses);
}

/// A name with several addresses: one after the other, connection by connection.
void Loop::connect_to(Server& server, const std::vector<IpAddress>& addresses) {
  if (addresses.empty()) {
    close(server, "server DNS lookup failed", false);
    return;
  }
  Pool& pool = server.pool->shared;
  const unsigned turn = pool.next_address.fetch_add(1);
  server.address = with_port(addresses[turn % addresses.size()], pool.database().port);
  connect(server);
}

void Loop::tell_gone(const AddressesGone& gone) {
  for (const auto& loop : shared_.loops) {
    if (loop.get() != this) loop->post_always(gone);
  }
  close_gone(gone);
}

void Loop::close_gone(const AddressesGone& gone) {
  for (const auto& [server, owner] : servers_) {
    if (server->host != gone.host || server->pool == nullptr) continue;
    const IpAddress ip = peer_of(server->address).ip;
    if (std::ranges::find(gone.addresses, ip) != gone.addresses.end())
      server->epoch = server->pool->shared.epoch() - 1; // Outdated.
  }
  for (const auto& pool : pools_)
    close_outdated(*pool);
}

/// server_fast_close: a session does not keep a server that is outdated beyond its transaction.
void Loop::close_fast(LoopPool& pool) {
  if (!settings().server_fast_close || pool.shared.mode() != PoolMode::session) return;
  Server* next = nullptr;
  for (Server* server = pool.active.front(); server != nullptr; server = next) {
    next = pool.active.next(*server);
    if (pool.shared.is_outdated(server->epoch) && server->swallowed == 0 &&
        server->client->exchange.is_settled() && server->status == wire::TransactionStatus::idle)
      close(*server, "database configuration changed", true);
  }
}

/// Asks whether zones have another serial than before, and then for the addresses of their names.
void Loop::keep_up_zones() {
  const Micros period = settings().dns_zone_check_period.count();
  if (index_ != 0 || period == 0 || now_ < next_zone_check_) return;
  next_zone_check_ = now_ + period;
  static_cast<void>(shared_.names.post([this, files = directory_, now = now_] {
    for (HostNames::Gone& each : shared_.host_names.check_zones(files->settings(), now)) {
      for (const auto& loop : shared_.loops)
        loop->post_always(AddressesGone{.host = each.host, .addresses = each.addresses});
    }
  }));
}

} // namespace pgkeep::pool
