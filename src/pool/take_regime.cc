// What was ordered for the pooler or a database is done by each loop for what it has.
#include <fmt/format.h>

#include "pool/control.h"
#include "pool/loop.h"

namespace pgkeep::pool {

void Loop::take_regime(NewRegime order) {
  const Regime before = std::exchange(regime_, std::move(order.regime));
  if (regime_.shutdown != Shutdown::none && before.shutdown == Shutdown::none) {
    shutdown_at_ = now_;
    stop_listening(true);
  }
  const bool was_asleep = before.pause == PauseMode::suspend;
  if (was_asleep != (regime_.pause == PauseMode::suspend)) {
    for (const auto& listener : listeners_)
      listen(*listener, was_asleep);
    if (was_asleep) wake_all();
  }
  for (const auto& pool : pools_) {
    take_marks(*pool);
    if (pool->is_paused) {
      close_for_pause(*pool);
    } else {
      close_outdated(*pool);
      greet_all(*pool);
      call_for_server(*pool);
    }
    if (regime_.shutdown == Shutdown::wait_for_servers) refuse_waiters(*pool);
  }
  shared_.control->post(Taken{.loop = static_cast<std::size_t>(index_), .number = order.number});
}

void Loop::take_marks(LoopPool& pool) const {
  const DatabaseMarks marks = regime_.marks_of(pool.shared.name());
  pool.is_paused = marks.is_paused || regime_.pause == PauseMode::pause;
  pool.is_killed = marks.is_killed;
}

/// Sockets of files are left to the console where `is_tcp_only`.
void Loop::stop_listening(bool is_tcp_only) {
  std::vector<std::unique_ptr<Listener>> left;
  for (std::unique_ptr<Listener>& listener : std::exchange(listeners_, {})) {
    if (is_tcp_only && listener->is_unix) {
      left.push_back(std::move(listener));
    } else {
      // Other loops and processes may hold the same socket: closing it would not take it out of
      // epoll.
      if (!listener->is_paused) listen(*listener, false);
      bury(std::move(listener));
    }
  }
  listeners_ = std::move(left);
}

void Loop::close_for_pause(LoopPool& pool) {
  while (Server* server = pool.idle.front())
    close(*server, "pause mode", true);
  Server* next = nullptr;
  for (Server* server = pool.starting.front(); server != nullptr; server = next) {
    next = pool.starting.next(*server);
    close(*server, "pause mode", true);
  }
}

void Loop::refuse_waiters(LoopPool& pool) {
  while (Client* client = pool.waiting.front())
    disconnect(*client, "server shutting down", true);
  while (Client* client = pool.welcoming.front())
    disconnect(*client, "server shutting down", true);
  refuse_questions(pool, "server shutting down");
  while (Client* client = pool.replicating.front())
    disconnect(*client, "server shutting down", true);
}

/// KILL: those of one database, or of all where it is empty.
void Loop::kill_database(const KillDatabase& order) {
  for (const auto& pool : pools_) {
    if (order.name.empty() || pool->shared.name() == order.name) kill(*pool);
  }
  shared_.control->post(Taken{.loop = static_cast<std::size_t>(index_), .number = order.number});
}

// ---- SUSPEND ----

/// Nothing of it is half-way: it is not read before RESUME.
bool Loop::may_rest(const Client& client) const {
  if (client.state == Client::State::login || client.console) return false;
  return !client.kept && !client.partial && client.scanner.is_between();
}

/// One that leaves is the next loop's business.
bool Loop::may_rest(const Server& server) const {
  if (server.state == Server::State::leaving) return true;
  return (server.state == Server::State::active || server.state == Server::State::idle) &&
         !server.kept && server.scanner.is_between() && server.swallowed == 0 &&
         (server.client == nullptr || !server.client->kept);
}

int Loop::restless() const {
  int count = static_cast<int>(logins_.size());
  for (const auto& client : clients_) {
    if (client != nullptr && client->state != Client::State::login && !client->console &&
        !may_rest(*client))
      ++count;
  }
  for (const auto& [server, owner] : servers_)
    count += may_rest(*server) ? 0 : 1;
  return count;
}

/// It took too long.
void Loop::end_restless() {
  constexpr std::string_view kReason = "suspend_timeout";
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    Client* client = clients_[i].get();
    if (client != nullptr && !client->console && !may_rest(*client))
      disconnect(*client, kReason, true);
  }
  std::vector<Server*> late;
  for (const auto& [server, owner] : servers_) {
    if (!may_rest(*server)) late.push_back(server);
  }
  for (Server* server : late) {
    if (!server->is_dead) close(*server, kReason, true);
  }
}

/// Whatever came while they were not read.
void Loop::wake_all() {
  for (const auto& client : clients_) {
    if (client != nullptr && (client->is_readable || client->unread)) put_off(*client);
  }
  for (const auto& [server, owner] : servers_) {
    if (server->is_readable) put_off(*server);
  }
}

} // namespace pgkeep::pool
