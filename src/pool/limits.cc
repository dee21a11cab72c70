// How many connections there may be: clients and servers of a database, of a user and of all, the
// reserve of a pool, what it has at least, and pools that nobody uses any more. Where a limit over
// several pools is reached, an idle server of another pool gives way ("evicted"): the one of this
// loop that was used longest ago, else another loop is asked for one of its.
#include <algorithm>

#include <fmt/format.h>

#include "pool/loop.h"

namespace pgkeep::pool {
namespace {

// The search for a server that could give way looks at all pools: not for each who begins to wait.
constexpr Micros kBetweenEvictions = 1000;

template <typename Value>
Value or_else(const std::optional<Value>& own, Value of_all) {
  return own.value_or(of_all);
}

} // namespace

/// What the files say of whoever logged in, even where another user works for it at the server.
void Loop::take_limits(Client& client, const DatabaseDefinition& database) {
  const UserDefinition* user = directory_->configuration.user(client.user);
  const Overrides none;
  const Overrides& own = user == nullptr ? none : user->own;
  client.query_wait_max =
      own.query_wait_timeout
          .value_or(or_else(database.own.query_wait_timeout, settings().query_wait_timeout))
          .count();
  client.idle_max = or_else(own.client_idle_timeout, settings().client_idle_timeout).count();
  has_idle_limit_ = has_idle_limit_ || client.idle_max > 0;
}

/// False: there are too many of its database or its user, and it is gone.
bool Loop::count(Client& client, const DatabaseDefinition& database, const std::string& name) {
  Quotas& quotas = shared_.pools.quotas;
  client.of_database = quotas.enter(
      Quotas::Kind::database, name,
      or_else(database.own.max_client_connections, settings().max_db_client_connections));
  if (client.of_database == nullptr) {
    disconnect(client, "client connections exceeded (max_db_client_connections)", true);
    return false;
  }
  const UserDefinition* user = directory_->configuration.user(client.user);
  const auto own = user == nullptr ? std::nullopt : user->own.max_client_connections;
  client.of_user = quotas.enter(Quotas::Kind::user, client.user,
                                or_else(own, settings().max_user_client_connections));
  if (client.of_user == nullptr) {
    disconnect(client, "client connections exceeded (max_user_client_connections)", true);
    return false;
  }
  take_limits(client, database);
  return true;
}

void Loop::discount(Client& client) {
  if (client.of_database != nullptr) client.of_database->clients.fetch_sub(1);
  if (client.of_user != nullptr) client.of_user->clients.fetch_sub(1);
  client.of_database = client.of_user = nullptr;
}

/// For one more connection of the pool, from its reserve if its first client has waited long.
bool Loop::take_place(LoopPool& pool) {
  Pool& shared = pool.shared;
  const Pool::Sizes& sizes = shared.sizes();
  const Client* first = pool.waiting.front();
  const bool is_late = first != nullptr && sizes.reserve_timeout > 0 &&
                       now_ - first->wait_since >= sizes.reserve_timeout;
  const bool is_limited = shared.size() > 0;
  const int most = is_limited ? shared.size() + (is_late ? sizes.reserve : 0) : 0;
  const bool is_reserve = is_limited && shared.servers() >= shared.size();
  Pool::Room room = shared.take_place(most);
  if (room != Pool::Room::taken && room != Pool::Room::pool_full && now_ >= pool.next_eviction) {
    pool.next_eviction = now_ + kBetweenEvictions;
    // A place may have become free before it was known that it is wanted.
    evict(shared, room, false);
    room = shared.take_place(most);
    if (room != Pool::Room::taken && room != Pool::Room::pool_full) ask_for_place(pool, room);
  }
  if (room != Pool::Room::taken) return false;
  if (is_reserve && is_late)
    shared_.log.warning(fmt::format("{} taking connection from reserve_pool", label(*first)));
  return true;
}

/// For the connection that listens. Whoever gives way for it says when the place is free.
bool Loop::take_place_of_ear(LoopPool& pool) {
  Ear& ear = *pool.ear;
  const Pool::Room room = pool.shared.take_place(ear.place);
  if (room == Pool::Room::taken) return true;
  if (now_ < ear.next_eviction) return false;
  ear.next_eviction = now_ + kBetweenEvictions;
  if (evict(pool.shared, room, true)) return false;
  const int loop = shared_.pools.loop_with_idle(pool.shared, room, index_, true);
  if (loop >= 0)
    shared_.loops[static_cast<std::size_t>(loop)]->post(
        WantedPlace{.pool = pool.owner, .full = room, .is_to_listen = true});
  return false;
}

/// Closes the idle server that was used longest ago, of a pool that shares what is full.
bool Loop::evict(const Pool& pool, Pool::Room full, bool may_be_own) {
  Server* oldest = nullptr;
  for (const auto& each : pools_) {
    if ((&each->shared == &pool && !may_be_own) || !pool.shares(full, each->shared)) continue;
    for (Server* server = each->idle.front(); server != nullptr; server = each->idle.next(*server))
      if (oldest == nullptr || server->request_at < oldest->request_at) oldest = server;
  }
  if (oldest == nullptr) return false;
  close(*oldest, "evicted", true);
  return true;
}

/// None of this loop gives way: another may have one, or a pool that has more must give up one.
void Loop::ask_for_place(LoopPool& pool, Pool::Room full) {
  const int loop = shared_.pools.loop_with_idle(pool.shared, full, index_, false);
  if (loop >= 0) {
    shared_.loops[static_cast<std::size_t>(loop)]->post(
        WantedPlace{.pool = pool.owner, .full = full});
  } else if (full == Pool::Room::all_full) {
    shared_.pools.claim(pool.shared, index_);
  }
}

/// It is free, and the connection that listens or a pool that has fewer gets its place. False:
/// nobody wants it any more.
bool Loop::pay_debt(Server& server) {
  if (server.pool->shared.is_overdrawn()) {
    close(server, "evicted", true);
    return true;
  }
  const auto claim = shared_.pools.shares.pay(server.pool->shared);
  if (!claim) return false;
  claim->claimant->grant(); // Before it is free: so it is nobody else's.
  close(server, "evicted", true);
  if (claim->loop == index_) {
    granted(*claim->claimant);
  } else {
    shared_.loops[static_cast<std::size_t>(claim->loop)]->post_always(Granted{claim->claimant});
  }
  return true;
}

void Loop::granted(Pool& pool) {
  LoopPool& part = part_of(pool.shared_from_this());
  call_for_server(part);
  // Whoever waited may have got another; one that is being opened calls for the next itself.
  if (part.starting.empty() && pool.return_grant()) tell_place_is_free();
}

void Loop::tell_place_is_free() {
  for (const auto& loop : shared_.loops)
    loop->post(PlaceFree{}); // To this one too: its caller is in the midst of closing a server.
}

void Loop::look_for_places() {
  for (const auto& pool : pools_)
    call_for_server(*pool);
}

/// Closes what is too much since the pool became smaller, opens what is missing to its least.
void Loop::keep_up_size(LoopPool& pool) {
  Pool& shared = pool.shared;
  const Pool::Sizes& sizes = shared.sizes();
  // The first loop that has an idle one: two would both close the one too many.
  bool is_first = true;
  for (int i = 0; i < index_; ++i)
    is_first = is_first && shared.part(i).idle.load() == 0;
  while (is_first && shared.size() > 0 && shared.servers() > shared.size() + sizes.reserve) {
    Server* server = pool.idle.front();
    if (server == nullptr) break;
    close(*server, "too many servers in the pool", true);
  }
  if (sizes.of_all > 0 && pool.waiting.empty()) {
    shared_.pools.shares.withdraw(shared, index_);
    bool is_wanted = !pool.starting.empty() || !pool.welcoming.empty();
    for (int i = 0; i < shared.loops(); ++i)
      is_wanted = is_wanted || shared.part(i).waiting_since.load() != 0;
    if (!is_wanted && shared.return_grant()) tell_place_is_free();
  }
  if (sizes.least == 0 || shared.servers() >= sizes.least || is_retired_ ||
      regime_.shutdown != Shutdown::none)
    return;
  int clients = 0;
  for (int i = 0; i < shared.loops(); ++i)
    clients += shared.part(i).clients.load(std::memory_order_relaxed);
  if (clients == 0 && shared.database().user.empty()) return;
  const int most = shared.size() > 0 ? std::min(sizes.least, shared.size()) : sizes.least;
  if (may_connect(pool) && shared.take_place(most) == Pool::Room::taken) open(pool);
}

bool Loop::is_empty(const LoopPool& pool) const {
  const Pool::Part& part = pool.shared.part(index_);
  return pool.questions.empty() && !pool.ear && pool.channels.empty() &&
         part.clients.load(std::memory_order_relaxed) == 0 &&
         part.servers.load(std::memory_order_relaxed) == 0;
}

/// Pools that exist without clients, those that nobody has used for long, and those of databases
/// that are gone: with each goes what the files said of it.
void Loop::keep_up_pools() {
  const Configuration& configuration = directory_->configuration;
  if (index_ == 0) {
    for (const DatabaseDefinition& each : configuration.databases) {
      const bool is_wanted = each.own.min_pool_size.value_or(settings().min_pool_size) > 0;
      if (is_wanted && !each.user.empty() && each.name != DatabaseDefinition::kFallback)
        pool_of(directory_, each, each.name, each.user);
    }
  }
  bool has_dropped = false;
  std::erase_if(pools_, [&](const std::unique_ptr<LoopPool>& pool) {
    Pool& shared = pool->shared;
    const bool is_automatic = shared.database().name == DatabaseDefinition::kFallback;
    Micros longest = settings().pool_idle_timeout.count();
    if (const Micros other = settings().autodb_idle_timeout.count(); is_automatic && other > 0)
      longest = longest > 0 ? std::min(longest, other) : other;
    // Of a name that a client may have made up: once it does not matter that its server failed.
    if (is_automatic && shared.welcome_epoch() == 0)
      longest = std::max<Micros>(settings().server_login_retry.count(), 1);
    if (longest == 0 && !shared.is_dead()) return false;
    bool is_unused = is_empty(*pool);
    for (int i = 0; is_unused && i < shared.loops(); ++i)
      is_unused = shared.part(i).clients.load() == 0 && shared.part(i).servers.load() == 0;
    if (!is_unused) {
      pool->empty_since = 0;
      return false;
    }
    if (pool->empty_since == 0) pool->empty_since = now_;
    // A client that came and went between two looks has used it as well.
    const Micros unused_since = std::max(pool->empty_since, shared.last_entry_at.load());
    if (now_ - unused_since <= longest && !shared.is_dead()) return false;
    has_dropped = true;
    return true;
  });
  if (!has_dropped && index_ != 0) return;
  for (const std::string& name : shared_.pools.sweep())
    shared_.log.warning(fmt::format(
        "dropping database '{}' as it does not exist anymore or inactive auto-database", name));
}

} // namespace pgkeep::pool
