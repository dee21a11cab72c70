// What time brings, three times a second: timeouts, and another try where somebody waits. And how
// connections are called in the log.
#include <fmt/format.h>

#include "pool/loop.h"

namespace pgkeep::pool {

void Loop::keep_up() {
  keep_up_logins();
  for (const auto& listener : listeners_) {
    if (listener->is_paused) listen(*listener, true);
  }
  for (const auto& pool : pools_)
    keep_up(*pool);
  const Micros longest = settings().cancel_wait_timeout.count();
  std::vector<Canceller*> late;
  for (const auto& [canceller, owner] : cancellers_) {
    if (longest > 0 && now_ - canceller->since > longest) late.push_back(canceller);
  }
  for (Canceller* canceller : late)
    end_cancel(*canceller);
}

void Loop::keep_up_logins() {
  const Micros longest = settings().client_login_timeout.count();
  if (longest == 0) return;
  while (Client* client = logins_.front()) {
    if (now_ - client->connected_at <= longest) return; // They are in the order of their coming.
    disconnect(*client, "client_login_timeout", true);
  }
}

void Loop::keep_up(LoopPool& pool) {
  const Settings& all = settings();
  Pool& shared = pool.shared;
  const Micros wait_max = shared.query_wait_timeout();
  while (Client* client = pool.waiting.front()) {
    if (wait_max == 0 || now_ - client->wait_since <= wait_max) break;
    disconnect(*client, "query_wait_timeout", true);
  }
  Client* next_client = nullptr;
  for (Client* client = pool.welcoming.front(); client != nullptr; client = next_client) {
    next_client = pool.welcoming.next(*client);
    const Micros age = now_ - client->connected_at;
    if (wait_max > 0 && age > wait_max) {
      disconnect(*client, "query_wait_timeout", true);
    } else if (all.client_login_timeout.count() > 0 && age > all.client_login_timeout.count()) {
      disconnect(*client, "client_login_timeout (server down)", true);
    }
  }
  Server* next = nullptr;
  for (Server* server = pool.idle.front(); server != nullptr; server = next) {
    next = pool.idle.next(*server);
    const Micros idle_max = all.server_idle_timeout.count();
    if (idle_max > 0 && now_ - server->request_at > idle_max) {
      close(*server, "server idle timeout", true);
    } else if (is_life_over(*server)) {
      close(*server, "server lifetime over", true);
    }
  }
  const Micros connect_max = all.server_connect_timeout.count();
  for (Server* server = pool.starting.front(); server != nullptr; server = next) {
    next = pool.starting.next(*server);
    if (connect_max > 0 && now_ - server->connected_at > connect_max)
      close(*server, "connect timeout", !server->is_away && server->state == Server::State::login);
  }
  for (Server* server = pool.busy.front(); server != nullptr; server = next) {
    next = pool.busy.next(*server);
    if (connect_max > 0 && server->state == Server::State::checking &&
        now_ - server->request_at > connect_max)
      close(*server, "test query timeout", false);
  }
  pool.has_asked = false;
  call_for_server(pool);
}

std::string Loop::label(const Client& client) const {
  std::string_view database = "(nodb)";
  if (client.pool != nullptr) {
    database = client.pool->shared.name();
  } else if (client.login && client.login->is_known() && client.login->database() != nullptr) {
    database = client.login->database_name();
  }
  return fmt::format("C-{}: {}/{}@{}", fmt::ptr(&client), database,
                     client.user.empty() ? "(nouser)" : client.user, client.peer.text());
}

std::string Loop::label(const Server& server) const {
  const Pool& pool = server.pool->shared;
  Peer peer = peer_of(server.address);
  if (peer.is_unix) peer.port = pool.database().port;
  return fmt::format("S-{}: {}/{}@{}", fmt::ptr(&server), pool.name(), pool.user(), peer.text());
}

void Loop::log(const Client& client, std::string_view text) {
  shared_.log.info(fmt::format("{} {}", label(client), text));
}

void Loop::log(const Server& server, std::string_view text) {
  shared_.log.info(fmt::format("{} {}", label(server), text));
}

} // namespace pgkeep::pool
