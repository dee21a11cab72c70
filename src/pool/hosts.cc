// To which server a new connection goes: the host of a list, the address of a name. Servers whose
// name has another address by now go as soon as nobody works with them.
#include <algorithm>

#include <fmt/format.h>

#include "pool/loop.h"

namespace pgkeep::pool {
namespace {

void tell_gone(Shared& shared, const AddressesGone& gone) {
  for (const auto& loop : shared.loops)
    loop->post_always(gone);
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
  look_up(host, [this, &server](const HostNames::Addresses& addresses) {
    post_always(Resolved{.server = &server, .addresses = addresses});
  });
}

/// By a worker. Whoever comes while a name is being asked for waits for the same answer.
void Loop::look_up(const std::string& host, HostNames::Then then) {
  HostNames& names = shared_.host_names;
  if (!names.ask(host, std::move(then))) return;
  auto job = [&shared = shared_, &names, host, files = directory_] {
    HostNames::Answer answer = names.look_up(host, files->settings());
    if (answer.addresses.empty()) shared.log.warning(fmt::format("DNS lookup failed: {}", host));
    if (!answer.gone.empty()) tell_gone(shared, {host, std::move(answer.gone)});
    names.tell(host, answer.addresses);
  };
  if (!shared_.names.post(std::move(job))) names.tell(host, {});
}

void Loop::resolved(const Resolved& resolved) {
  Server& server = *resolved.server;
  server.is_away = false;
  if (!server.is_dead) connect_to(server, resolved.addresses);
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
  static_cast<void>(shared_.names.post([&shared = shared_, files = directory_] {
    for (HostNames::Gone& each : shared.host_names.check_zones(files->settings()))
      tell_gone(shared, {each.host, std::move(each.addresses)});
  }));
}

} // namespace pgkeep::pool
