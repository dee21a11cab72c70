// Clients come, prove who they are, are greeted as a server would, and go.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/secret.h"
#include "pool/cancel_key.h"
#include "pool/control.h"
#include "pool/loop.h"
#include "wire/bytes.h"
#include "wire/error_fields.h"

namespace pgkeep::pool {
namespace {

constexpr std::size_t kSlotsMax = std::size_t{1} << kCancelSlotBits;
// A connection is passed on to a loop that has clearly fewer.
constexpr int kFewer = 4;

std::uint32_t number_of(std::string_view bytes) {
  return wire::Reader(bytes).uint32();
}

} // namespace

void Loop::accept(Listener& listener) {
  for (int i = 0; i < kAcceptsMax; ++i) {
    SocketAddress from;
    from.bytes = sizeof(from.storage);
    base::Fd fd(::accept4(listener.fd.get(), reinterpret_cast<sockaddr*>(&from.storage),
                          &from.bytes, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.is_open()) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      const int problem = errno;
      listen(listener, false); // Until the next look at the clock.
      shared_.log.error(
          fmt::format("accept() failed: {}", std::generic_category().message(problem)));
      return;
    }
    Peer peer = peer_of(from);
    if (listener.is_unix) {
      const auto credentials = credentials_behind(fd.get());
      peer = {.process = credentials ? credentials->pid : 0, .port = listener.port};
    }
    accept_one(std::move(fd), peer);
  }
}

void Loop::accept_one(base::Fd fd, Peer peer) {
  const auto least = std::ranges::min_element(
      shared_.loops, {}, [](const std::unique_ptr<Loop>& loop) { return loop->clients(); });
  Loop& loop = **least;
  if (loop.clients() + kFewer < clients()) {
    LoopMessage message(NewClient{.fd = std::move(fd), .peer = peer});
    if (loop.mailbox_.post(message)) {
      loop.client_count_.fetch_add(1, std::memory_order_relaxed); // It is on its way.
      return;
    }
    fd = std::move(std::get<NewClient>(message).fd);
  }
  client_count_.fetch_add(1, std::memory_order_relaxed);
  take_client(std::move(fd), peer);
}

/// Null where there are 16 million of this loop: the connection is closed.
Client* Loop::make_client(base::Fd fd, Peer peer) {
  if (free_slots_.empty()) {
    if (clients_.size() == kSlotsMax) {
      client_count_.fetch_sub(1, std::memory_order_relaxed);
      return nullptr;
    }
    free_slots_.push_back(static_cast<std::uint32_t>(clients_.size()));
    clients_.emplace_back();
  }
  const std::uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  clients_[slot] = std::make_unique<Client>();
  Client& client = *clients_[slot];
  client.slot = slot;
  client.id = shared_.last_id.fetch_add(1, std::memory_order_relaxed) + 1;
  client.secret = number_of(random(sizeof(client.secret)));
  client.fd = std::move(fd);
  client.peer = peer;
  client.is_unix = peer.is_unix;
  client.connected_at = client.request_at = now_;
  shared_.clients.fetch_add(1, std::memory_order_relaxed);
  return &client;
}

void Loop::take_client(base::Fd fd, Peer peer) {
  Client* const made = make_client(std::move(fd), peer);
  if (made == nullptr) return;
  Client& client = *made;
  ClientLogin::Origin origin{.is_unix = peer.is_unix};
  if (settings().application_name_add_host) origin.details = peer.details();
  if (settings().auth_type == AuthType::pam || settings().auth_type == AuthType::hba)
    origin.host = peer.host();
  if (!peer.is_unix) {
    origin.address = peer.ip;
  } else if (const auto credentials = credentials_behind(client.fd.get())) {
    origin.account = credentials->uid;
    origin.is_own_user = credentials->uid == ::getuid();
  }
  client.login =
      std::make_unique<ClientLogin>(directory_, origin, random(ClientLogin::kRandomBytes));
  logins_.push_back(client);
  watch(client, true);
  if (shared_.log.is_verbose())
    shared_.log.debug(fmt::format("{} P: got connection: {}", label(client), peer.text()));
  read_login(client); // Its startup packet is here most of the time.
}

void Loop::read_login(Client& client) {
  if (client.is_away || client.state != Client::State::login) return;
  if (client.question) { // It has nothing to say before there is an answer.
    if (client.is_ended) disconnect(client, "client unexpected eof", false);
    return;
  }
  const ssize_t count = receive(client);
  if (count < 0) return;
  if (count == 0) {
    // Whoever says nothing at all looks whether somebody is there.
    disconnect(client, client.login->has_begun() ? "client unexpected eof" : "", false);
    return;
  }
  client.login->set_full(shared_.clients.load(std::memory_order_relaxed) >
                         settings().max_client_conn);
  apply(client, client.login->feed({input_->data(), static_cast<std::size_t>(count)}));
  if (!client.is_dead && client.is_readable) put_off(client);
}

void Loop::apply(Client& client, ClientLogin::Step step) {
  if (!step.problem.empty()) shared_.log.warning(step.problem);
  send_plain(client, step.handshake);
  client.is_in_handshake = client.login->is_in_handshake();
  if (auto tls = client.login->take_tls()) client.tls = std::move(tls);
  const std::string& user = client.login->user();
  for (const std::string& line : step.log) {
    if (line.starts_with("login attempt")) client.user = user;
    log(client, line);
  }
  switch (step.kind) {
  case ClientLogin::Step::Kind::wait:
    send(client, step.send);
    if (client.is_readable) put_off(client);
    break;
  case ClientLogin::Step::Kind::work:
    send(client, step.send);
    if (!client.is_dead) work(client);
    break;
  case ClientLogin::Step::Kind::ask:
    ask(client);
    break;
  case ClientLogin::Step::Kind::pass:
    enter(client, std::move(step.send));
    break;
  case ClientLogin::Step::Kind::refuse:
    send(client, step.send);
    disconnect(client, step.text, true);
    break;
  case ClientLogin::Step::Kind::drop:
    disconnect(client, step.text, false);
    break;
  case ClientLogin::Step::Kind::cancel: {
    // The connection outlives the client.
    static_cast<void>(::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, client.fd.get(), nullptr));
    CancelWish wish{.asker = {.fd = std::move(client.fd),
                              .tls = std::move(client.tls),
                              .peer = client.peer,
                              .connected_at = client.connected_at,
                              .id = client.id},
                    .process = client.login->cancel_process(),
                    .key = client.login->cancel_key()};
    disconnect(client, "", false);
    cancel(std::move(wish));
    break;
  }
  }
}

/// Its password is looked at by a worker.
void Loop::work(Client& client) {
  client.is_away = true;
  Workers& workers = client.login->is_slow() ? shared_.outside : shared_.workers;
  auto job = [this, &client, login = std::move(client.login)]() mutable {
    ClientLogin::Step step = login->work();
    post_always(
        ClientWorked{.client = &client, .login = std::move(login), .step = std::move(step)});
  };
  if (workers.post(std::move(job))) return;
  client.is_away = false;
  disconnect(client, "too many logins at once", true);
}

void Loop::enter(Client& client, std::string greeting) {
  const ClientLogin& login = *client.login;
  if (login.is_console()) {
    enter_console(client, std::move(greeting));
    return;
  }
  if (regime_.shutdown != Shutdown::none && client.connected_at >= shutdown_at_) {
    disconnect(client, "pooler is shutting down", true);
    return;
  }
  if (regime_.marks_of(login.database_name()).is_disabled) {
    disconnect(client, fmt::format("database \"{}\" is disabled", login.database_name()), true);
    return;
  }
  const DatabaseDefinition& database = *login.database();
  const bool is_forced = !database.user.empty();
  client.user = login.user();
  if (!count(client, database, login.database_name())) return;
  client.parameters = login.parameters();
  client.pool = &pool_of(login.files(), database, login.database_name(),
                         is_forced ? database.user : login.user());
  start_session(client, login.session_settings());
  client.pool->shared.part(index_).clients.fetch_add(1, std::memory_order_relaxed);
  client.pool->shared.last_entry_at.store(now_, std::memory_order_relaxed);
  if (!is_forced)
    client.pool->shared.learn({.keys = login.keys(), .secret = login.server_secret()});
  if (!login.rest().empty()) {
    client.unread = borrow();
    client.unread->bytes = login.rest();
  }
  logins_.remove(client);
  if (login.replication() != Replication::none)
    client.replication = std::make_unique<ReplicationWish>(
        ReplicationWish{.kind = login.replication(), .options = std::string(login.options())});
  client.login.reset();
  if (client.pool->shared.is_dead()) { // Since a moment ago.
    client.state = Client::State::idle;
    disconnect(client, "database removed", true);
    return;
  }
  if (client.replication) {
    send(client, greeting);
    enter_replication(client);
    return;
  }
  if (client.pool->shared.has_welcome() && !client.pool->is_killed) {
    greet(client, std::move(greeting));
    return;
  }
  send(client, greeting);
  client.state = Client::State::welcome;
  client.pool->welcoming.push_back(client);
  call_for_server(*client.pool);
}

/// As a server that the client logged in to.
void Loop::greet(Client& client, std::string greeting) {
  LoopPool& pool = *client.pool;
  if (pool.welcome.epoch != pool.shared.welcome_epoch()) prepare_greeting(pool);
  if (client.parameters == ParameterValues{}) {
    greeting += pool.greeting;
    client.parameters = pool.welcome_values;
  } else {
    greet_in_its_way(client, greeting);
  }
  if (const std::string& text = settings().login_notify_message; !text.empty())
    append_notice(greeting, text);
  append_key(greeting, client);
  wire::append_ready_for_query(greeting, wire::TransactionStatus::idle);
  client.state = Client::State::idle;
  send(client, greeting);
  if (client.is_readable || client.unread) put_off(client);
}

/// What it cancels its queries with.
void Loop::append_key(std::string& greeting, const Client& client) const {
  const CancelKey told = cancel_key_of(static_cast<std::uint32_t>(index_), client.slot,
                                       client.secret, settings().peer_id);
  std::string key;
  wire::append_uint32(key, told.secret);
  wire::append_backend_key(greeting, told.process, key);
}

/// What every client is told that asked for nothing.
void Loop::prepare_greeting(LoopPool& pool) {
  pool.welcome = pool.shared.welcome();
  pool.welcome_values = {};
  pool.greeting.clear();
  wire::append_authentication_ok(pool.greeting);
  for (const auto& [name, value] : *pool.welcome.parameters) {
    if (const auto index = directory_->tracked.index_of(name))
      pool.welcome_values.set(*index, value);
    wire::append_parameter_status(pool.greeting, name, value);
  }
}

/// Values that the client asked for stand in the place of the server's.
void Loop::greet_in_its_way(Client& client, std::string& greeting) {
  const TrackedNames& tracked = directory_->tracked;
  wire::append_authentication_ok(greeting);
  for (const auto& [name, value] : *client.pool->welcome.parameters) {
    const auto index = tracked.index_of(name);
    const auto wanted = index ? client.parameters.get(*index) : std::nullopt;
    if (wanted && *wanted != value) client.unproven |= 1U << *index;
    wire::append_parameter_status(greeting, name, wanted.value_or(value));
  }
  client.parameters.fill_from(client.pool->welcome_values, tracked.count());
}

/// Those who wait for their greeting, if there is one.
void Loop::greet_all(LoopPool& pool) {
  if (!pool.shared.has_welcome() || pool.is_killed) return;
  while (Client* client = pool.welcoming.front()) {
    pool.welcoming.remove(*client);
    greet(*client, {});
  }
}

LoopPool& Loop::pool_of(const DirectoryPtr& files, const DatabaseDefinition& database,
                        const std::string& name, const std::string& user) {
  for (const auto& pool : pools_) {
    if (pool->shared.user() == user && pool->shared.name() == name) return *pool;
  }
  const auto [pool, is_new_name] = shared_.pools.find_or_make(files, database, name, user);
  if (is_new_name && database.name == DatabaseDefinition::kFallback)
    shared_.log.info(fmt::format("registered new auto-database: {}", name));
  return part_of(pool);
}

LoopPool& Loop::part_of(const std::shared_ptr<Pool>& pool) {
  const auto found = std::ranges::find_if(
      pools_, [&](const std::unique_ptr<LoopPool>& each) { return each->owner == pool; });
  if (found != pools_.end()) return **found;
  LoopPool& part = *pools_.emplace_back(std::make_unique<LoopPool>(pool));
  take_marks(part);
  return part;
}

/// `is_told`: the client gets the reason as an error. A server that is not through with it is
/// closed, for nobody else may have what is left of its answers.
void Loop::disconnect(Client& client, std::string_view reason, bool is_told,
                      std::string_view sqlstate) {
  if (client.is_dead) return;
  if (!reason.empty() && settings().log_disconnections)
    log(client, fmt::format("closing because: {} (age={}s)", reason,
                            (now_ - client.connected_at) / 1'000'000));
  if (client.state == Client::State::login) {
    logins_.remove(client);
    drop_question(client);
  } else if (client.state == Client::State::waiting) {
    leave_queue(client);
  } else if (client.state == Client::State::welcome) {
    auto& list = client.replication ? client.pool->replicating : client.pool->welcoming;
    list.remove(client); // No longer in it once its own server is being opened.
  }
  if (client.listening) leave_all(client);
  // In the middle of a message an error would be taken for its rest.
  bool is_between = !client.kept;
  if (Server* server = client.server) {
    is_between = is_between && server->scanner.is_between();
    const bool is_free = client.state == Client::State::active && client.exchange.is_settled() &&
                         !client.scanner.is_inside() && server->scanner.is_between() &&
                         server->swallowed == 0 && !server->kept &&
                         server->status == wire::TransactionStatus::idle;
    if (is_free) {
      release(*server);
    } else {
      client.server = nullptr;
      server->client = nullptr;
      close(*server, "client disconnect while server was not ready", true);
    }
  }
  if (is_told && is_between && !client.is_in_handshake) {
    std::string error;
    wire::append_error(error, {.severity = "FATAL", .sqlstate = sqlstate, .message = reason});
    send(client, error);
    // Unread bytes would make the kernel reset the connection, and the error may not arrive.
    for (int i = 0; i < kRoundsMax && client.is_readable; ++i)
      if (receive(client) <= 0) break;
    if (settings().log_pooler_errors)
      shared_.log.warning(fmt::format("{} pooler error: {}", label(client), reason));
  }
  forget(client);
}

/// It is in no list and has no server.
void Loop::forget(Client& client) {
  give_back(client.unread);
  if (client.old_key) shared_.moved_keys.remove(*client.old_key);
  if (client.console) {
    shared_.console_clients.fetch_sub(1);
    if (client.console->is_waiting)
      shared_.control->post(
          ConsoleGone{.who = {.loop = index_, .slot = client.slot, .id = client.id}});
  }
  discount(client);
  if (client.pool != nullptr)
    client.pool->shared.part(index_).clients.fetch_sub(1, std::memory_order_relaxed);
  const std::uint32_t slot = client.slot;
  client_count_.fetch_sub(1, std::memory_order_relaxed);
  shared_.clients.fetch_sub(1, std::memory_order_relaxed);
  free_slots_.push_back(slot);
  bury(std::move(clients_[slot]));
}

/// The server refuses whoever logs in: where there is no other, all who wait are told why.
void Loop::refuse_all(LoopPool& pool, std::string_view text, std::string_view sqlstate) {
  const Pool& shared = pool.shared;
  if (pool.is_paused || (shared.has_welcome() && shared.connected() > 0)) return;
  for (auto* list : {&pool.welcoming, &pool.replicating, &pool.waiting}) {
    while (Client* client = list->front())
      disconnect(*client, text, true, sqlstate.empty() ? "08P01" : sqlstate);
  }
  refuse_questions(pool, "bouncer config error");
}

/// A client that would have to wait for a server that cannot be reached. False: it may.
bool Loop::refuse_at_once(Client& client, LoopPool& pool) {
  if (pool.is_paused || !pool.shared.is_out_of_reach()) return false;
  // The cause is about auth_user and where it logs in: it is not for who has proved nothing yet.
  const std::string text =
      client.state == Client::State::login
          ? "server login has been failing, try again later (server_login_retry)"
          : pool.shared.connect_problem();
  disconnect(client, text, true);
  launch(pool); // If it is time for that again: nobody waits, for whom it would be done.
  return true;
}

} // namespace pgkeep::pool
