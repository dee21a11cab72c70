// How servers change loops: to somebody who waits clearly longer there, or to a loop that asks for
// one which is not used here. It is done at the end of a pass, when nothing works on the server.
#include <sys/epoll.h>

#include <algorithm>

#include "pool/loop.h"

namespace pgkeep::pool {
namespace {

// A waiter of another loop goes first when it has waited clearly longer. A hand-over costs as much
// as several queries, and a loop that waits for its processor is not helped by more servers: so one
// that has its share of them, by its clients, must have waited much longer. Both grow with how long
// one's own first waiter has waited, but not without end: nobody is overtaken by somebody who came
// so much later.
constexpr Micros kClearlyLonger = 1000;
constexpr Micros kMuchLonger = 20'000;
constexpr Micros kOvertakenMax = 250'000;

} // namespace

/// Below 0: nobody waits elsewhere for clearly longer than here.
int Loop::older_waiter_elsewhere(LoopPool& pool) {
  const Client* own = pool.waiting.front();
  const Micros own_wait = own == nullptr ? 0 : now_ - own->wait_since;
  Micros longest = 0;
  int found = -1;
  for (int i = 0; i < pool.shared.loops(); ++i) {
    if (i == index_) continue;
    const Pool::Part& other = pool.shared.part(i);
    const Micros since = other.waiting_since.load();
    if (since == 0) continue;
    if (own == nullptr) pool.is_watched = is_watching_ = true;
    const Micros wait = now_ - since;
    const Micros more = own == nullptr || is_short(pool, other) ? own_wait + kClearlyLonger
                                                                : 3 * own_wait + kMuchLonger;
    if (wait < own_wait + std::min(more, kOvertakenMax) || wait <= longest) continue;
    longest = wait;
    found = i;
  }
  return found;
}

/// It has fewer servers for its clients than this loop, and still would with one more.
bool Loop::is_short(LoopPool& pool, const Pool::Part& other) const {
  const Pool::Part& own = pool.shared.part(index_);
  const std::int64_t own_servers = own.servers.load(std::memory_order_relaxed);
  const std::int64_t own_clients = own.clients.load(std::memory_order_relaxed);
  const std::int64_t servers = other.servers.load(std::memory_order_relaxed);
  const std::int64_t clients = other.clients.load(std::memory_order_relaxed);
  return (servers + 1) * own_clients <= (own_servers - 1) * clients;
}

/// Somebody waited elsewhere, but not for long yet, when a server became idle here.
void Loop::look_elsewhere(LoopPool& pool) {
  pool.is_watched = false;
  Server* server = idle_server(pool);
  if (server == nullptr) return;
  const int loop = older_waiter_elsewhere(pool);
  if (loop < 0) return;
  leave_idle(*server);
  hand_over(*server, loop);
}

void Loop::hand_over(Server& server, int loop) {
  server.state = Server::State::leaving;
  server.next_loop = loop;
  leaving_.push_back(&server);
}

/// At the end of a pass.
void Loop::send_away() {
  if (leaving_.empty()) return;
  std::vector<Server*> leaving = std::exchange(leaving_, {});
  for (Server* server : leaving) {
    if (server->is_dead) continue; // Closed by what was done with one before it.
    if (server->is_ended) {
      close(*server, "server conn crashed?", false);
      continue;
    }
    if (server->is_put_off) { // It is named by a list of ours: it stays for another pass.
      set_free(*server);
      continue;
    }
    const auto owner = servers_.extract(server);
    PGKEEP_ASSERT(!owner.empty());
    static_cast<void>(::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, server->fd.get(), nullptr));
    std::shared_ptr<Pool> pool = server->pool->owner;
    pool->part(index_).servers.fetch_sub(1, std::memory_order_relaxed);
    server->pool = nullptr;
    Loop& next = *shared_.loops[static_cast<std::size_t>(server->next_loop)];
    HandedServer handed{.server = std::move(owner.mapped()), .pool = std::move(pool)};
    LoopMessage message(std::move(handed));
    if (next.mailbox_.post(message)) continue;
    adopt(std::get<HandedServer>(std::move(message)));
  }
}

void Loop::adopt(HandedServer handed) {
  Server& server = *handed.server;
  LoopPool& pool = part_of(handed.pool);
  server.pool = &pool;
  pool.has_asked = false;
  pool.shared.part(index_).servers.fetch_add(1, std::memory_order_relaxed);
  servers_.emplace(&server, std::move(handed.server));
  watch(server, true);
  if (server.pool->is_paused) {
    close(server, "pause mode", true);
    return;
  }
  if (pool.shared.is_outdated(server.epoch)) {
    close(server, "database configuration changed", true);
    return;
  }
  if (put_first(pool, server)) return;
  while (Client* client = pool.waiting.front()) {
    leave_queue(*client);
    if (serve(*client, server)) {
      if (!pool.waiting.empty()) call_for_server(pool);
      return;
    }
  }
  set_idle(server); // Who asked for it has gone; somebody may have come elsewhere meanwhile.
  if (!pool.replicating.empty()) call_for_own_server(pool);
}

/// Another loop asks for a server that is not used here.
void Loop::lend(const WantedServer& wanted) {
  LoopPool& pool = part_of(wanted.pool);
  Server* server = pool.waiting.empty() ? idle_server(pool) : nullptr;
  const bool is_wanted =
      wanted.makes_room || wanted.pool->part(wanted.loop).waiting_since.load() != 0;
  if (server == nullptr || !is_wanted) {
    if (!wanted.makes_room)
      shared_.loops[static_cast<std::size_t>(wanted.loop)]->post(
          NotLent{.pool = wanted.pool, .loop = index_});
    return;
  }
  leave_idle(*server);
  hand_over(*server, wanted.loop);
}

/// That loop does not: the next one may.
void Loop::not_lent(const NotLent& answer) {
  LoopPool& pool = part_of(answer.pool);
  pool.has_asked = false;
  if (pool.waiting.empty() && pool.questions.empty()) return;
  ask_other_loops(pool, {.first = answer.loop + 1});
  if (!pool.has_asked) launch(pool);
}

void Loop::ask_other_loops(LoopPool& pool, Asking how) {
  for (int i = how.first; i < pool.shared.loops() && !pool.has_asked; ++i) {
    if (i == index_ || pool.shared.part(i).idle.load() == 0) continue;
    pool.has_asked = shared_.loops[static_cast<std::size_t>(i)]->post(
        WantedServer{.pool = pool.owner, .loop = index_, .makes_room = how.makes_room});
  }
}

/// A place of the pool became free here: who waits in another loop may open a server.
void Loop::tell_waiting_loops(const LoopPool& pool) {
  Pool& shared = pool.shared;
  // Who waits for a greeting is in no queue.
  const bool was_full = shared.size() > 0 && shared.servers() + 1 >= shared.size();
  const bool is_greeting_wanted = was_full && !shared.has_welcome();
  for (int i = 0; i < shared.loops(); ++i) {
    const bool may_wait = shared.part(i).waiting_since.load() != 0 || is_greeting_wanted;
    if (i != index_ && may_wait) shared_.loops[static_cast<std::size_t>(i)]->post(PlaceFree{});
  }
}

} // namespace pgkeep::pool
