// Servers are connected to, logged in to, and closed.
#include <sys/socket.h>

#include <cerrno>

#include <fmt/format.h>

#include "pool/loop.h"
#include "pool/session_attributes.h"
#include "pool/tcp_options.h"
#include "wire/message.h"

namespace pgkeep::pool {
/// Opens one more connection, if the pool has a place and the last try has not just failed.
bool Loop::launch(LoopPool& pool, Purpose purpose) {
  if (!may_connect(pool)) return false;
  if (!take_place(pool)) {
    // One that replicates can make no use of a free one: that one makes room.
    Server* const idle = purpose.replicating == nullptr ? nullptr : pool.idle.back();
    if (idle == nullptr) return false;
    close(*idle, "evicted", true); // Which calls for a server again.
    return true;
  }
  open(pool, purpose);
  return true;
}

/// One at a time, and not at once after one that failed.
bool Loop::may_connect(const LoopPool& pool) const {
  const Pool& shared = pool.shared;
  return pool.starting.empty() && !shared.is_dead() && !pool.is_paused &&
         (!shared.is_connect_failing.load() ||
          now_ - shared.last_connect_at.load() >= settings().server_login_retry.count());
}

/// A place is taken for it.
void Loop::open(LoopPool& pool, Purpose purpose) {
  Pool& shared = pool.shared;
  shared.last_connect_at.store(now_);
  if (!purpose.is_ear) shared.logging_in.fetch_add(1);
  shared.part(index_).servers.fetch_add(1, std::memory_order_relaxed);
  auto owner = std::make_unique<Server>();
  Server& server = *owner;
  servers_.emplace(&server, std::move(owner));
  server.pool = &pool;
  server.connected_at = server.request_at = now_;
  server.epoch = shared.epoch();
  server.lessons = shared.lessons();
  server.id = shared_.last_id.fetch_add(1, std::memory_order_relaxed) + 1;
  pool.starting.push_back(server);
  if (purpose.replicating != nullptr) {
    pool.replicating.remove(*purpose.replicating);
    purpose.replicating->server = &server;
    server.client = purpose.replicating;
    server.is_own = true;
  }
  server.is_ear = purpose.is_ear;
  if (server.is_ear) pool.ear->server = &server;
  connect_to(server, choose_host(shared));
}

void Loop::connect(Server& server) {
  server.is_unix = server.address.is_unix();
  server.fd = base::Fd(
      ::socket(server.address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!server.fd.is_open()) {
    close(server, "connect failed", false);
    return;
  }
  if (!server.is_unix) set_tcp_options(server.fd.get(), settings());
  if (::connect(server.fd.get(), server.address.get(), server.address.bytes) != 0 &&
      errno != EINPROGRESS) {
    close(server, "connect failed", false);
    return;
  }
  watch(server, true); // Which says when it is connected, even if it is already.
}

void Loop::connected(Server& server) {
  if (server.is_away || !server.fd.is_open()) return;
  int problem = 0;
  socklen_t bytes = sizeof(problem);
  ::getsockopt(server.fd.get(), SOL_SOCKET, SO_ERROR, &problem, &bytes);
  if (problem != 0) {
    close(server, "connect failed", false);
    return;
  }
  if (settings().log_connections) {
    SocketAddress own;
    own.bytes = sizeof(own.storage);
    if (!server.is_unix && ::getsockname(server.fd.get(), reinterpret_cast<sockaddr*>(&own.storage),
                                         &own.bytes) == 0) {
      log(server, fmt::format("new connection to server (from {})", peer_of(own).text()));
    } else {
      log(server, "new connection to server");
    }
  }
  ServerIdentity identity = server.pool->shared.identity();
  server.user = identity.user;
  if (server.is_own) become_replication(identity, *server.client, directory_->tracked);
  server.login = std::make_unique<ServerLogin>(
      std::move(identity), random(wire::kScramNonceBytes),
      server.is_unix ? nullptr : TlsOpening::of(server.pool->shared.tls(), server.host));
  server.is_in_handshake = server.login->is_in_handshake();
  server.state = Server::State::login;
  if (server.is_unix) watch(server, false);
  send(server, server.login->first());
  if (server.is_readable) put_off(server);
}

void Loop::read_server_login(Server& server) {
  if (server.is_away) return;
  const ssize_t count = receive(server);
  if (count < 0) return;
  if (count == 0) {
    close(server, "server conn crashed?", false);
    return;
  }
  apply(server, server.login->feed({input_->data(), static_cast<std::size_t>(count)}));
  if (!server.is_dead && server.state == Server::State::login && server.is_readable)
    put_off(server);
}

void Loop::apply(Server& server, const ServerLogin::Step& step) {
  for (const std::string& line : step.log)
    shared_.log.warning(fmt::format("{} {}", label(server), line));
  if (!step.problem.empty())
    shared_.log.warning(fmt::format("TLS handshake error: {}", step.problem));
  send_plain(server, step.handshake);
  server.is_in_handshake = server.login->is_in_handshake();
  if (auto tls = server.login->take_tls()) server.tls = std::move(tls);
  if (!step.secured.empty() && settings().log_connections)
    log(server, fmt::format("SSL established: {}", step.secured));
  send(server, step.send);
  switch (step.kind) {
  case ServerLogin::Step::Kind::wait:
    if (server.is_readable) put_off(server);
    break;
  case ServerLogin::Step::Kind::work: {
    server.is_away = true;
    auto job = [this, &server, login = std::move(server.login)]() mutable {
      ServerLogin::Step next = login->work();
      post_always(
          ServerWorked{.server = &server, .login = std::move(login), .step = std::move(next)});
    };
    if (shared_.workers.post(std::move(job))) break;
    server.is_away = false;
    server.is_no_failure = true;
    close(server, "too many logins at once", false);
    break;
  }
  case ServerLogin::Step::Kind::pass:
    if (has_attributes(server.pool->shared.database().target_session_attrs,
                       server.login->parameters())) {
      logged_in(server);
    } else {
      close(server, "server does not satisfy target_session_attrs", true);
    }
    break;
  case ServerLogin::Step::Kind::fail: {
    if (server.is_own) {
      own_server_failed(server, step);
      break;
    }
    LoopPool& pool = *server.pool;
    const std::shared_ptr<Pool> owner = pool.owner;
    server.is_no_failure = server.login->is_greeted();
    // Whoever wants to listen by it is told as those who wait for its greeting.
    const bool is_told = server.is_ear && !step.server_text.empty();
    const bool is_outdated = server.lessons != pool.shared.lessons();
    close(server, is_told ? step.server_text : step.text, !step.server_text.empty());
    if (step.server_text.empty() || is_outdated) break;
    for (const auto& loop : shared_.loops) {
      if (loop.get() != this)
        loop->post(
            LoginFailed{.pool = owner, .text = step.server_text, .sqlstate = step.server_sqlstate});
    }
    refuse_all(pool, step.server_text, step.server_sqlstate);
    break;
  }
  }
}

void Loop::logged_in(Server& server) {
  LoopPool& pool = *server.pool;
  Pool& shared = pool.shared;
  const ServerLogin& login = *server.login;
  for (const auto& [name, value] : login.parameters()) {
    if (const auto index = directory_->tracked.index_of(name)) server.parameters.set(*index, value);
  }
  server.process = login.process();
  server.cancel_key = login.cancel_key();
  if (!server.is_ear) shared.logging_in.fetch_sub(1);
  shared.is_connect_failing.store(false);
  shared.is_login_failing.store(false);
  pool.starting.remove(server);
  if (server.is_own) {
    own_server_ready(server);
    return;
  }
  if (server.is_ear) {
    ear_ready(server);
    return;
  }
  if (!shared.has_welcome() && shared.set_welcome(login.parameters(), server.epoch)) {
    for (const auto& loop : shared_.loops) {
      if (loop.get() != this) loop->post(Welcomed{pool.owner});
    }
  }
  server.login.reset();
  server.request_at = now_;
  server.status = wire::TransactionStatus::idle;
  server.state = Server::State::idle;
  greet_all(pool);
  if (server.is_readable) put_off(server);
  set_free(server);
  call_for_server(pool);
}

/// A client that it answers is told why.
void Loop::close(Server& server, std::string_view reason, bool says_goodbye) {
  if (server.is_dead) return;
  if (settings().log_disconnections)
    log(server, fmt::format("closing because: {} (age={}s)", reason,
                            (now_ - server.connected_at) / kMicrosInSecond));
  LoopPool& pool = *server.pool;
  Pool& shared = pool.shared;
  bool is_new = false;
  switch (server.state) {
  case Server::State::connecting:
  case Server::State::login:
    is_new = true;
    pool.starting.remove(server);
    if (!server.is_ear) shared.logging_in.fetch_sub(1);
    if (server.is_own) break; // It may be but that its user must not replicate.
    // Else it was us, or a password that was changed meanwhile: the next one may get through.
    if (!pool.is_paused && !shared.is_dead() && regime_.pause != PauseMode::suspend &&
        server.lessons == shared.lessons() && !server.is_no_failure)
      shared.note_connect_failure(reason);
    break;
  case Server::State::idle:
    if (server.link.is_linked) leave_idle(server); // Not yet, of one that has just logged in.
    break;
  case Server::State::active:
    pool.active.remove(server);
    break;
  case Server::State::leaving:
    std::erase(leaving_, &server);
    break;
  default:
    pool.busy.remove(server);
    break;
  }
  for (const auto& [canceller, owner] : cancellers_) {
    if (canceller->target == &server) canceller->target = nullptr;
  }
  std::erase_if(delayed_, [&](const Delayed& each) { return each.server == &server; });
  Client* client = std::exchange(server.client, nullptr);
  end_held_cancel(server);
  Question* question = std::exchange(server.question, nullptr);
  const bool is_between = server.scanner.is_between();
  if (says_goodbye && server.fd.is_open() && !server.kept && !server.is_in_handshake) {
    std::string goodbye;
    wire::append_empty(goodbye, wire::from_client::kTerminate);
    send(server, goodbye);
  }
  const bool is_place_wanted = !server.is_ear && shared.give_place();
  shared.part(index_).servers.fetch_sub(1, std::memory_order_relaxed);
  const bool is_ear = server.is_ear;
  auto owner = servers_.extract(&server);
  bury(std::move(owner.mapped()));
  if (client != nullptr) {
    client->server = nullptr;
    disconnect(*client, reason, is_between);
  }
  if (question != nullptr) {
    question->server = nullptr;
    disconnect(*question->client, "bouncer config error", true);
  }
  if (is_place_wanted) {
    tell_place_is_free();
  } else if (!is_new) {
    tell_waiting_loops(pool);
  }
  if (is_ear) ear_closed(pool, reason);
  // After one that could not be opened the next try waits for its time: see keep_up().
  if (!is_new) call_for_server(pool);
}

} // namespace pgkeep::pool
