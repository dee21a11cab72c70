// The pass: wait, look at what epoll names, at what was put off, at the mail and the clock, and
// only then free what was closed, so that no event of the pass points to something that is gone.
#include "pool/loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <chrono>

namespace pgkeep::pool {
namespace {

constexpr int kEventsMax = 256;
constexpr std::size_t kWorkers = 2;
constexpr std::size_t kOutsideWorkers = 4;
constexpr std::size_t kNameWorkers = 2;
constexpr std::size_t kNameWorkersMax = 64; // So many names may have no answer at the same time.
constexpr Micros kUpkeepEvery = 333'333;    // As often as PgBouncer.
constexpr Micros kMicrosInMs = 1000;

} // namespace

Shared::Shared(const DirectoryPtr& files, LogTargets log_targets, int loop_count)
    : log(std::move(log_targets)), pools(files, loop_count), workers(kWorkers),
      outside(kOutsideWorkers), names(kNameWorkers, kNameWorkersMax) {}
Shared::~Shared() = default;

Loop::Loop(Shared& shared, DirectoryPtr files, int index)
    : shared_(shared), directory_(std::move(files)), index_(index),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      input_(std::make_unique<std::array<char, kInputBytes>>()) {
  PGKEEP_ASSERT(epoll_.is_open() && mailbox_.fd() >= 0);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = static_cast<Endpoint*>(&mailbox_end_)}};
  PGKEEP_ASSERT(::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, mailbox_.fd(), &event) == 0);
  read_clock();
}

Loop::~Loop() = default;

void Loop::read_clock() {
  now_ = micros_now();
}

void Loop::add_listener(base::Fd fd, std::uint16_t port, bool is_unix, bool is_shared) {
  auto listener = std::make_unique<Listener>();
  listener->fd = std::move(fd);
  listener->port = port;
  listener->is_unix = is_unix;
  listener->is_shared = is_shared;
  listen(*listener, true);
  listeners_.push_back(std::move(listener));
}

/// Not for a while: out of descriptors, where accepting would fail again and again.
void Loop::listen(Listener& listener, bool is_on) {
  listener.is_paused = !is_on;
  const auto flags =
      static_cast<std::uint32_t>(listener.is_shared ? EPOLLIN | EPOLLEXCLUSIVE : EPOLLIN);
  epoll_event event{.events = flags, .data = {.ptr = static_cast<Endpoint*>(&listener)}};
  const int operation = is_on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;
  if (::epoll_ctl(epoll_.get(), operation, listener.fd.get(), &event) != 0)
    listener.is_paused = true; // Out of memory or watches: tried again.
}

void Loop::run() {
  while (!is_over_)
    pass();
}

void Loop::pass() {
  std::array<epoll_event, kEventsMax> events; // NOLINT(*-member-init): the kernel fills it.
  Micros pause = std::max<Micros>(0, next_upkeep_ - now_);
  if (is_watching_) pause = std::min(pause, kMicrosInMs);
  for (const Delayed& each : delayed_)
    pause = std::min(pause, std::max<Micros>(0, each.due - now_));
  const int timeout_ms =
      put_off_.empty() ? static_cast<int>((pause + kMicrosInMs - 1) / kMicrosInMs) : 0;
  const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsMax, timeout_ms);
  read_clock();
  std::vector<Endpoint*> put_off = std::exchange(put_off_, {});
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    dispatch(*static_cast<Endpoint*>(event.data.ptr), event.events);
  }
  for (Endpoint* endpoint : put_off) {
    endpoint->is_put_off = false;
    if (!endpoint->is_dead) look_at(*endpoint);
  }
  if (!delayed_.empty()) say_again_what_is_due();
  if (now_ >= next_upkeep_) {
    next_upkeep_ = now_ + kUpkeepEvery;
    keep_up();
  }
  if (std::exchange(is_watching_, false)) {
    for (const auto& pool : pools_) {
      if (pool->is_watched) look_elsewhere(*pool);
    }
  }
  send_away();
  // What a worker still has, or the list names, goes in a later pass.
  std::erase_if(graveyard_, [](const std::unique_ptr<Endpoint>& each) {
    return !each->is_away && !each->is_put_off;
  });
}

void Loop::dispatch(Endpoint& endpoint, std::uint32_t events) {
  if (endpoint.is_dead) return;
  if (&endpoint == &mailbox_end_) {
    take_mail();
    return;
  }
  constexpr std::uint32_t kEnded = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  if ((events & EPOLLOUT) != 0 && endpoint.waits_to_send) flush(endpoint);
  if (endpoint.is_dead) return;
  if ((events & (EPOLLIN | kEnded)) != 0) {
    endpoint.is_readable = true;
    if ((events & kEnded) != 0) endpoint.is_ended = true;
    look_at(endpoint);
  } else if (endpoint.kind == Endpoint::Kind::server || endpoint.kind == Endpoint::Kind::cancel) {
    if ((events & EPOLLOUT) != 0) look_at(endpoint); // It may be connected.
  }
}

void Loop::look_at(Endpoint& endpoint) {
  switch (endpoint.kind) {
  case Endpoint::Kind::listener:
    accept(static_cast<Listener&>(endpoint));
    break;
  case Endpoint::Kind::client:
    look_at_client(static_cast<Client&>(endpoint));
    break;
  case Endpoint::Kind::server:
    look_at_server(static_cast<Server&>(endpoint));
    break;
  case Endpoint::Kind::cancel:
    look_at_canceller(static_cast<Canceller&>(endpoint));
    break;
  }
}

void Loop::look_at_client(Client& client) {
  if (regime_.pause == PauseMode::suspend && may_rest(client)) return;
  switch (client.state) {
  case Client::State::login:
    read_login(client);
    break;
  case Client::State::idle:
    if (client.listening && !client.listening->awaited.empty()) {
      if (client.is_ended) disconnect(client, "client unexpected eof", false);
      break;
    }
    if (client.kept && !client.is_ended) break; // Its flush looks here again.
    if (client.is_readable || client.unread) begin(client);
    break;
  case Client::State::welcome:
  case Client::State::waiting:
  case Client::State::setting:
    if (client.is_ended) disconnect(client, "client unexpected eof", false);
    break;
  case Client::State::active:
    relay_client(client);
    break;
  case Client::State::console:
    read_console(client);
    break;
  }
}

void Loop::look_at_server(Server& server) {
  if (regime_.pause == PauseMode::suspend && may_rest(server)) return;
  switch (server.state) {
  case Server::State::connecting:
    connected(server);
    break;
  case Server::State::login:
    read_server_login(server);
    break;
  case Server::State::asked:
    read_answer(server);
    break;
  case Server::State::leaving: // The next loop's epoll tells of it again.
    break;
  default:
    relay_server(server);
    break;
  }
}

void Loop::put_off(Endpoint& endpoint) {
  if (endpoint.is_put_off || endpoint.is_dead) return;
  endpoint.is_put_off = true;
  put_off_.push_back(&endpoint);
}

void Loop::bury(std::unique_ptr<Endpoint> endpoint) {
  endpoint->is_dead = true;
  if (endpoint->tls && !endpoint->is_ended && !endpoint->kept)
    say_goodbye(endpoint->fd.get(), endpoint->tls.get());
  endpoint->fd.reset(); // Which takes it out of epoll, too.
  give_back(endpoint->kept);
  graveyard_.push_back(std::move(endpoint));
}

void Loop::take_mail() {
  for (LoopMessage& message : mailbox_.take()) {
    if (auto* client = std::get_if<NewClient>(&message)) {
      take_client(std::move(client->fd), client->peer);
    } else if (auto* server = std::get_if<HandedServer>(&message)) {
      adopt(std::move(*server));
    } else if (const auto* wanted = std::get_if<WantedServer>(&message)) {
      lend(*wanted);
    } else if (const auto* kept = std::get_if<NotLent>(&message)) {
      not_lent(*kept);
    } else if (const auto* welcomed = std::get_if<Welcomed>(&message)) {
      greet_all(part_of(welcomed->pool));
    } else if (const auto* failed = std::get_if<LoginFailed>(&message)) {
      refuse_all(part_of(failed->pool), failed->text, failed->sqlstate);
    } else if (const auto* place = std::get_if<WantedPlace>(&message)) {
      evict(*place->pool, place->full, place->is_to_listen);
    } else if (std::holds_alternative<PlaceFree>(message)) {
      look_for_places();
    } else if (const auto* grant = std::get_if<Granted>(&message)) {
      granted(*grant->pool);
    } else if (auto* wish = std::get_if<CancelWish>(&message)) {
      cancel(std::move(*wish));
    } else if (auto* peer = std::get_if<PeerResolved>(&message)) {
      take_peer(std::move(*peer));
    } else if (auto* of_client = std::get_if<ClientWorked>(&message)) {
      Client& back = *of_client->client;
      back.is_away = false;
      back.login = std::move(of_client->login);
      if (!back.is_dead) apply(back, std::move(of_client->step));
    } else if (auto* of_server = std::get_if<ServerWorked>(&message)) {
      Server& back = *of_server->server;
      back.is_away = false;
      back.login = std::move(of_server->login);
      if (!back.is_dead) apply(back, of_server->step);
    } else if (auto* of_canceller = std::get_if<CancelWorked>(&message)) {
      Canceller& back = *of_canceller->canceller;
      back.is_away = false;
      back.opening = std::move(of_canceller->opening);
      if (!back.is_dead) apply(back, std::move(of_canceller->step));
    } else if (const auto* addresses = std::get_if<Resolved>(&message)) {
      resolved(*addresses);
    } else if (const auto* gone = std::get_if<AddressesGone>(&message)) {
      close_gone(*gone);
    } else if (auto* files = std::get_if<NewFiles>(&message)) {
      take_files(std::move(*files));
    } else if (auto* regime = std::get_if<NewRegime>(&message)) {
      take_regime(std::move(*regime));
    } else if (const auto* killed = std::get_if<KillDatabase>(&message)) {
      kill_database(*killed);
    } else if (const auto* count_wish = std::get_if<CountWish>(&message)) {
      take_census(*count_wish);
    } else if (const auto* reply = std::get_if<ConsoleReply>(&message)) {
      answer_console(*reply);
    } else if (const auto* channel = std::get_if<WantedChannel>(&message)) {
      take_wish(*channel);
    } else if (const auto* heard = std::get_if<ChannelHeard>(&message)) {
      channel_heard(*heard);
    } else if (const auto* refused = std::get_if<ChannelRefused>(&message)) {
      channel_refused(*refused);
    } else if (const auto* notified = std::get_if<Notified>(&message)) {
      fan_out(part_of(notified->pool), *notified->message);
    } else if (const auto* lost = std::get_if<EarLost>(&message)) {
      ear_lost(*lost);
    } else if (auto* taken = std::get_if<ClientToTake>(&message)) {
      take_moved(std::move(*taken));
    } else if (const auto* order = std::get_if<Retire>(&message)) {
      retire(*order);
    } else if (std::holds_alternative<HeirHasRoom>(message)) {
      move_clients();
    } else if (std::holds_alternative<Stop>(message)) {
      stop_listening(false);
      is_over_ = true;
    }
  }
}

} // namespace pgkeep::pool
