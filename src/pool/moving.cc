// In an online restart: clients that are between two transactions go to the new process, and come
// from the old one. See moved_client.h.
#include <sys/epoll.h>

#include <algorithm>

#include "pool/loop.h"
#include "pool/takeover.h"

namespace pgkeep::pool {
namespace {

constexpr std::string_view kAnotherServes = "another process serves now";
constexpr Micros kWhileItIsFull = 10'000; // Until the other process has taken some.

} // namespace

// The old process.

void Loop::retire(const Retire& order) {
  stop_listening(false);
  heir_ = order.heir;
  is_retired_ = true;
  for (const auto& pool : pools_) { // The other process needs their places at the server.
    while (Server* server = pool->idle.front())
      close(*server, kAnotherServes, true);
  }
  shared_.retired.fetch_add(1);
  move_clients();
}

/// Those that can go now, and that there is room for. The others have another chance three times a
/// second, and when there is room again.
void Loop::move_clients() {
  for (std::size_t i = 0; i < clients_.size() && heir_; ++i) {
    Client* const client = clients_[i].get();
    if (client == nullptr || !may_move(*client)) continue;
    const std::string message = message_of(moved(*client));
    if (message.size() > kMovedBytesMax) continue;
    if (!heir_->take_place()) return;
    switch (send_client(heir_->way, message, client->fd.get())) {
    case SendOutcome::sent:
      // The socket lives on: closing it here would not take it out of epoll.
      static_cast<void>(::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, client->fd.get(), nullptr));
      forget(*client);
      break;
    case SendOutcome::full:
      heir_->give_place();
      next_upkeep_ = std::min(next_upkeep_, now_ + kWhileItIsFull);
      return;
    case SendOutcome::gone: // They stay until they leave.
      heir_.reset();
      break;
    }
  }
}

/// Nothing of it is under way, here or in a server.
bool Loop::may_move(const Client& client) {
  const bool is_quiet = client.state == Client::State::idle && !client.is_dead &&
                        !client.is_ended && client.server == nullptr && !client.kept &&
                        !client.unread && !client.partial && client.scanner.is_between() &&
                        client.exchange.is_settled();
  const bool listens = client.listening && !client.listening->is_over();
  return is_quiet && !listens && !client.tls && !client.replication &&
         !client.pool->shared.is_dead();
}

MovedClient Loop::moved(const Client& client) const {
  const Pool& pool = client.pool->shared;
  MovedClient moved;
  moved.database = pool.name();
  moved.pool_user = pool.user();
  moved.user = client.user;
  moved.peer = client.peer;
  moved.key = client.old_key ? *client.old_key
                             : cancel_key_of(static_cast<std::uint32_t>(index_), client.slot,
                                             client.secret, settings().peer_id);
  moved.connected_at = client.connected_at;
  const TrackedNames& tracked = directory_->tracked;
  for (std::size_t i = 0; i < tracked.count(); ++i) {
    if (const auto value = client.parameters.get(i))
      moved.parameters.emplace_back(tracked.name(i), *value);
  }
  if (client.statements) {
    client.statements->for_each([&](const std::string& name, const wire::StatementPtr& statement) {
      moved.statements.emplace_back(name, statement->parse);
    });
    if (const auto unnamed = client.statements->kept_unnamed())
      moved.statements.emplace_back("", unnamed->parse);
  }
  if (client.session) moved.session = *client.session;
  if (client.custom) moved.custom = *client.custom;
  Learned learned = pool.learned();
  moved.keys = learned.keys;
  moved.secret = std::move(learned.secret);
  return moved;
}

// The new process.

void Loop::send_here(MovedClient client, base::Fd fd) {
  client_count_.fetch_add(1, std::memory_order_relaxed); // It is on its way.
  post_always(ClientToTake{.client = std::move(client), .fd = std::move(fd)});
}

void Loop::take_moved(ClientToTake taken) {
  MovedClient& moved = taken.client;
  Client* const made = make_client(std::move(taken.fd), moved.peer);
  if (made == nullptr) return;
  Client& client = *made;
  client.state = Client::State::idle;
  client.connected_at = moved.connected_at;
  client.user = moved.user;
  client.old_key = std::make_unique<CancelKey>(moved.key);
  shared_.moved_keys.add(moved.key, {.loop = index_, .slot = client.slot, .id = client.id});
  watch(client, true);
  const DatabaseDefinition* database = directory_->configuration.database(moved.database);
  if (database == nullptr) {
    disconnect(client, fmt::format("no such database: {}", moved.database), true, "3D000");
    return;
  }
  if (!count(client, *database, moved.database)) return;
  client.pool = &pool_of(directory_, *database, moved.database, moved.pool_user);
  Pool& pool = client.pool->shared;
  pool.part(index_).clients.fetch_add(1, std::memory_order_relaxed);
  pool.learn_the_rest({.keys = moved.keys, .secret = moved.secret});
  for (const auto& [name, value] : moved.parameters) {
    if (const auto index = directory_->tracked.index_of(name)) client.parameters.set(*index, value);
  }
  if (moved.session) client.session = std::make_unique<wire::SessionSettings>(*moved.session);
  if (moved.custom) client.custom = std::make_unique<std::set<std::string>>(*moved.custom);
  take_moved_statements(client, moved);
}

/// Read by the settings that the client has now.
void Loop::take_moved_statements(Client& client, const MovedClient& moved) {
  if (moved.statements.empty()) return;
  client.statements = std::make_unique<wire::ClientStatements>();
  wire::ClientStatements& statements = *client.statements;
  note_settings(client);
  for (const auto& [name, parse] : moved.statements) {
    auto statement = shared_.statements.intern(parse, statements.settings());
    if (name.empty()) {
      const wire::UnnamedMark mark = statements.next_unnamed(shared_.statements);
      statements.set_unnamed(mark);
      statements.keep_unnamed(mark, std::move(statement));
    } else {
      statements.set(name, std::move(statement));
    }
  }
}

} // namespace pgkeep::pool
