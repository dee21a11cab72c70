// What time brings, three times a second: timeouts, and another try where somebody waits. And how
// connections are called in the log.
#include <algorithm>

#include <fmt/format.h>

#include "pool/console_command.h"
#include "pool/loop.h"
#include "wire/error_fields.h"

namespace pgkeep::pool {
namespace {

// Another process serves. Who is left here may be busy, and should not open one for each query.
constexpr Micros kIdleWhenRetired = 1'000'000;

} // namespace

void Loop::keep_up() {
  if (regime_.pause == PauseMode::suspend) { // Nothing that could surprise whoever takes over.
    if (regime_.suspend_until_us > 0 && now_ > regime_.suspend_until_us) end_restless();
    return;
  }
  keep_up_logins();
  keep_up_clients();
  if (heir_) move_clients();
  for (const auto& listener : listeners_) {
    if (listener->is_paused) listen(*listener, true);
  }
  for (const auto& pool : pools_)
    keep_up(*pool);
  keep_up_pools();
  keep_up_zones();
  keep_up_cancels();
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
  if (pool.ear) keep_up_ear(pool);
  greet_all(pool); // Word of it may have got lost in a full mailbox.
  keep_up_waiters(pool);
  keep_up_listeners(pool);
  tell_waiters(pool);
  keep_up_work(pool);
  keep_up_servers(pool);
  close_fast(pool);
  keep_up_size(pool);
  pool.has_asked = false;
  call_for_server(pool);
}

void Loop::append_notice(std::string& out, std::string_view text) {
  wire::append_notice(out, {.severity = "NOTICE", .sqlstate = "00000", .message = text});
}

/// Those who have waited for a while are told that they do.
void Loop::tell_waiters(LoopPool& pool) {
  const Micros longest = settings().query_wait_notify.count();
  if (longest == 0) return;
  for (Client* client = pool.waiting.front(); client != nullptr;
       client = pool.waiting.next(*client)) {
    if (now_ - client->wait_since <= longest) return; // They are in the order of their coming.
    if (client->is_wait_told || client->kept) continue;
    client->is_wait_told = true;
    std::string notice;
    append_notice(notice,
                  "No server connection available in postgres backend, client being queued");
    send(*client, notice);
  }
}

/// Since when nothing is under way for it; 0: something is. One that is pinned keeps a server from
/// the others meanwhile. One of session mode does as well, which is what that mode is for.
Micros Loop::resting_since(const Client& client) {
  if (client.state == Client::State::idle) return client.request_at;
  if (client.held == 0 || client.state != Client::State::active) return 0;
  const Server& server = *client.server;
  const bool is_at_rest = client.exchange.is_settled() && client.scanner.is_between() &&
                          server.swallowed == 0 && server.status == wire::TransactionStatus::idle;
  return is_at_rest ? std::max(client.request_at, server.request_at) : 0;
}

/// Those who have not said anything for long.
void Loop::keep_up_clients() {
  if (!has_idle_limit_) return;
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    Client* client = clients_[i].get();
    if (client == nullptr || client->pool == nullptr) continue;
    if (client->listening && !client->listening->awaited.empty()) continue; // It does not idle.
    const Micros since = client->idle_max > 0 ? resting_since(*client) : 0;
    if (since > 0 && now_ - since > client->idle_max)
      disconnect(*client, "client_idle_timeout", true);
  }
}

void Loop::keep_up_waiters(LoopPool& pool) {
  const Micros query_max = settings().query_timeout.count(); // A user's own is of servers.
  const Micros login_max = settings().client_login_timeout.count();
  const auto has_waited = [](const Client& client, Micros waits) {
    return client.query_wait_max > 0 && waits > client.query_wait_max;
  };
  Client* next = nullptr;
  for (Client* client = pool.waiting.front(); client != nullptr; client = next) {
    next = pool.waiting.next(*client);
    const Micros waits = now_ - client->wait_since;
    if (query_max > 0 && waits > query_max) {
      disconnect(*client, "query_timeout", true);
    } else if (has_waited(*client, waits)) {
      disconnect(*client, "query_wait_timeout", true);
    }
  }
  for (Client* client = pool.replicating.front(); client != nullptr; client = next) {
    next = pool.replicating.next(*client);
    if (has_waited(*client, now_ - client->connected_at))
      disconnect(*client, "query_wait_timeout", true);
  }
  for (Client* client = pool.welcoming.front(); client != nullptr; client = next) {
    next = pool.welcoming.next(*client);
    const Micros age = now_ - client->connected_at;
    if (has_waited(*client, age)) {
      disconnect(*client, "query_wait_timeout", true);
    } else if (login_max > 0 && age > login_max) {
      disconnect(*client, "client_login_timeout (server down)", true);
    }
  }
}

/// Queries and transactions that take too long.
void Loop::keep_up_work(LoopPool& pool) {
  const Pool::Limits& limits = pool.shared.limits();
  if (limits.query == 0 && limits.idle_transaction == 0 && limits.transaction == 0) return;
  Server* next = nullptr;
  for (Server* server = pool.active.front(); server != nullptr; server = next) {
    next = pool.active.next(*server);
    if (server->is_own) continue; // Its one query may last for months.
    const Client& client = *server->client;
    const bool is_answered = client.exchange.is_settled() && server->swallowed == 0;
    if (is_answered && server->status == wire::TransactionStatus::idle)
      continue; // A session that has nothing to do, or somebody who is pinned: see resting_since().
    if (limits.query > 0 && now_ - client.request_at > limits.query) {
      close(*server, "query timeout", true);
    } else if (limits.idle_transaction > 0 && is_answered &&
               now_ - server->request_at > limits.idle_transaction) {
      close(*server, "idle transaction timeout", true);
    } else if (limits.transaction > 0 && now_ - client.transaction_at > limits.transaction) {
      close(*server, "transaction timeout", true);
    }
  }
}

/// As many servers as min_pool_size wants stay, however idle they are.
bool Loop::is_at_least(const Pool& pool) {
  const int least = pool.sizes().least;
  return least > 0 && pool.connected() <= least;
}

void Loop::keep_up_servers(LoopPool& pool) {
  const Settings& all = settings();
  Micros idle_max = all.server_idle_timeout.count();
  if (is_retired_)
    idle_max = idle_max > 0 ? std::min(idle_max, kIdleWhenRetired) : kIdleWhenRetired;
  const Micros connect_max = all.server_connect_timeout.count();
  Server* next = nullptr;
  for (Server* server = pool.idle.front(); server != nullptr; server = next) {
    next = pool.idle.next(*server);
    if (idle_max > 0 && now_ - server->request_at > idle_max &&
        (is_retired_ || !is_at_least(pool.shared))) {
      close(*server, "server idle timeout", true);
    } else if (is_life_over(*server)) {
      close(*server, "server lifetime over", true);
    }
  }
  for (Server* server = pool.starting.front(); server != nullptr; server = next) {
    next = pool.starting.next(*server);
    if (connect_max > 0 && now_ - server->connected_at > connect_max)
      close(*server, "connect timeout", !server->is_away && server->state == Server::State::login);
  }
  for (Server* server = pool.busy.front(); server != nullptr; server = next) {
    next = pool.busy.next(*server);
    if (connect_max > 0 && server->state == Server::State::checking &&
        now_ - server->request_at > connect_max) {
      close(*server, "test query timeout", false);
    } else if (idle_max > 0 && server->state == Server::State::resetting &&
               now_ - server->request_at > idle_max) {
      close(*server, "server idle timeout", false);
    }
  }
}

std::string Loop::label(const Client& client) const {
  std::string_view database = "(nodb)";
  if (client.pool != nullptr) {
    database = client.pool->shared.name();
  } else if (client.console || (client.login && client.login->is_console())) {
    database = kConsoleName;
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
