// Who gets which server. A loop uses its own idle servers, the one used last first; a freed one
// goes to the loop's own first waiter unless somebody waits clearly longer in another loop: see
// lending.cc.
#include "pool/loop.h"
#include "wire/deallocate.h"
#include "wire/listen.h"
#include "wire/message.h"

namespace pgkeep::pool {
namespace {

constexpr std::string_view kEmptyQuery = "<empty>";
// So long a message is waited for, to be looked at as a whole.
constexpr std::size_t kWholeTextMax = 65'536;
constexpr std::size_t kWholeCommandMax = 4096;

bool is_first_terminate(std::string_view bytes) {
  return !bytes.empty() && bytes.front() == wire::from_client::kTerminate;
}

} // namespace

/// An idle client said something.
void Loop::begin(Client& client) {
  if (client.is_ended && !client.unread && !take_last_words(client)) return;
  if (client.unread && !hear_rest(client)) return;
  client.wait_since = 0;
  LoopPool& pool = *client.pool;
  if (pool.waiting.empty()) {
    if (Server* server = idle_server(pool)) {
      leave_idle(*server);
      if (!serve(client, *server)) set_idle(*server);
      return;
    }
  }
  if (client.is_ended) { // Nobody waits.
    disconnect(client, "client unexpected eof", false);
    return;
  }
  if (regime_.shutdown == Shutdown::wait_for_servers) {
    disconnect(client, "server shutting down", true);
    return;
  }
  if (refuse_at_once(client, pool)) return;
  if (pool.shared.shares_listen() && take_listen_at_once(client)) return;
  wait(client);
}

/// Of a client that is gone, or sends no more: what it said before that is done all the same, if a
/// server is free. False: it said nothing, or goodbye.
bool Loop::take_last_words(Client& client) {
  const ssize_t count = receive(client);
  const bool says_goodbye =
      count > 0 && client.scanner.is_between() && is_first_terminate({input_->data(), 1});
  if (count <= 0 || says_goodbye) {
    disconnect(client, says_goodbye ? "client close request" : "client unexpected eof", false);
    return false;
  }
  client.unread = borrow();
  client.unread->bytes.assign(input_->data(), static_cast<std::size_t>(count));
  return true;
}

/// Whether these bytes are but the front of a message that is looked at as a whole, with nothing
/// before it that a server could do meanwhile.
bool Loop::is_front_alone(const Client& client, std::string_view bytes) {
  const Pool& pool = client.pool->shared;
  const bool keeps_settings = (pool.session_hints() & wire::kHintSettings) != 0;
  if ((!keeps_settings && !pool.shares_listen() && !client.statements) || bytes.empty() ||
      bytes.front() != wire::from_client::kQuery || !client.scanner.is_between() || client.partial)
    return false;
  const auto header = wire::header_of(bytes);
  if (!header) return bytes.size() < wire::Header::kBytes;
  if (!header->is_sound() || header->message_bytes() <= bytes.size()) return false;
  const std::string_view text = bytes.substr(wire::Header::kBytes);
  return (keeps_settings && header->message_bytes() <= kWholeTextMax) ||
         (header->message_bytes() <= kWholeCommandMax &&
          ((pool.shares_listen() && wire::may_be_listen(text)) ||
           (client.statements && wire::may_be_deallocate(text))));
}

void Loop::keep_front(Client& client, std::string_view bytes) {
  client.unread = borrow();
  client.unread->bytes.assign(bytes);
  if (client.is_readable) put_off(client);
}

/// More of what is kept, if that is a front alone. False: so it still is, or the client is gone.
bool Loop::hear_rest(Client& client) {
  while (is_front_alone(client, client.unread->rest())) {
    if (!client.is_readable) return false;
    const ssize_t count = receive(client);
    if (count == 0) disconnect(client, "client unexpected eof", false);
    if (count <= 0) return false;
    client.unread->bytes.append(input_->data(), static_cast<std::size_t>(count));
  }
  return true;
}

/// One that may be used at once; null where there is none.
Server* Loop::idle_server(LoopPool& pool) {
  while (Server* server = pool.idle.front()) {
    if (!server->scanner.is_between()) { // Its rest would go to whoever got it.
      close(*server, "idle server got dirty", true);
      continue;
    }
    if (pool.shared.is_outdated(server->epoch)) {
      close(*server, "database configuration changed", true);
      continue;
    }
    if (has_old_plans(*server)) {
      leave_idle(*server);
      forget_plans(*server);
      continue;
    }
    if (!needs_check(*server)) return server;
    leave_idle(*server);
    const std::string& query = settings().server_check_query;
    ask_server(*server, Server::State::checking, query == kEmptyQuery ? "" : query);
  }
  return nullptr;
}

/// Lets an idle client's bytes go to a server that is in no list. False: it needs none (any more),
/// and the server is as it was.
bool Loop::serve(Client& client, Server& server) {
  std::unique_ptr<Kept> unread = std::move(client.unread);
  std::string_view bytes;
  if (unread) {
    bytes = unread->rest();
  } else {
    const ssize_t count = receive(client);
    if (count == 0) disconnect(client, "client unexpected eof", false);
    if (count <= 0) return false;
    bytes = {input_->data(), static_cast<std::size_t>(count)};
    if (is_front_alone(client, bytes)) {
      keep_front(client, bytes);
      return false;
    }
  }
  client.request_at = now_;
  client.pool->traffic.received += bytes.size();
  begin_scan(client, server);
  if (take_own(client, bytes)) {
    give_back(unread);
    return false;
  }
  const Outgoing outgoing = scan(client, server, bytes);
  // What is left of the data of a COPY that failed is passed over by every server: it needs none.
  const bool is_used =
      !outgoing.empty() && (!client.exchange.is_settled() || client.scanner.is_inside());
  if (is_used) {
    link(client, server);
    set_parameters(client, server, outgoing);
    if (is_fresh_) begin_attempt(client, server, outgoing);
  }
  keep_partial(client);
  give_back(unread);
  if (client.is_readable) put_off(client); // There is more: no event will say so.
  if (outgoing.end != Outgoing::End::none) end_client(client, outgoing.end);
  return is_used;
}

void Loop::link(Client& client, Server& server) {
  PGKEEP_ASSERT(client.server == nullptr && server.client == nullptr && !server.link.is_linked);
  LoopPool& pool = *server.pool;
  const Micros waited = client.wait_since > 0 ? now_ - std::exchange(client.wait_since, 0) : 0;
  ++pool.traffic.server_assignments;
  pool.traffic.wait_us += static_cast<std::uint64_t>(waited);
  pool.durations.wait.add(waited);
  client.server = &server;
  server.client = &client;
  server.keeps_statements = client.keeps_statements;
  server.state = Server::State::active;
  client.state = Client::State::active;
  server.pool->active.push_back(server);
}

/// Sends the client's first bytes, behind what makes the server's parameters those of the client.
void Loop::set_parameters(Client& client, Server& server, const Outgoing& outgoing) {
  const bool has_sessions =
      client.session || server.session || (client.hints & wire::kHintTakes) != 0;
  if (client.parameters == server.parameters && !has_sessions) {
    to_server(client, outgoing);
    return;
  }
  const ParameterChange change =
      change_of(directory_->tracked, client.parameters, server.parameters);
  const auto of_session = has_sessions ? session_change(client, server) : SessionChange();
  std::string question;
  for (const std::string& sql : {change.encoding, of_session.sql + change.sql}) {
    if (sql.empty()) continue;
    wire::append_query(question, sql);
    ++server.swallowed;
  }
  if (question.empty()) {
    to_server(client, outgoing);
    return;
  }
  if ((change.indexes & client.unproven) == 0 && change.encoding.empty() &&
      !of_session.has_settings) {
    // Values that a server has taken before: it will not refuse them, so the query goes along. What
    // could make it say something else than was meant is waited for.
    const std::string_view parts[] = {question, outgoing.prefix, outgoing.made, outgoing.bytes};
    send(server, parts);
    return;
  }
  client.state = Client::State::setting;
  client.unread = borrow();
  client.unread->bytes.append(outgoing.prefix).append(outgoing.made).append(outgoing.bytes);
  send(server, question);
}

void Loop::wait(Client& client) {
  client.state = Client::State::waiting;
  client.wait_since = now_;
  client.is_wait_told = false;
  client.pool->waiting.push_back(client);
  tell_waiting(*client.pool);
  call_for_server(*client.pool);
}

void Loop::leave_queue(Client& client) {
  LoopPool& pool = *client.pool;
  pool.waiting.remove(client);
  client.state = Client::State::idle;
  tell_waiting(pool);
}

/// Other loops look at it when they have a server to give.
void Loop::tell_waiting(LoopPool& pool) {
  const Client* first = pool.waiting.front();
  auto& since = pool.shared.part(index_).waiting_since;
  Micros value = first == nullptr ? 0 : first->wait_since;
  if (const Question* question = pool.questions.front();
      question != nullptr && (value == 0 || question->since < value))
    value = question->since;
  if (since.load(std::memory_order_relaxed) != value) since.store(value);
}

/// Of a client that is done with it for now. Nothing of the client is left in the server.
void Loop::release(Server& server) {
  Client& client = *server.client;
  client.server = nullptr;
  client.state = Client::State::idle;
  server.client = nullptr;
  if (client.listening) deliver(client);
  server.is_dirty = server.is_dirty || client.hints != 0;
  client.hints = 0;
  server.pool->active.remove(server);
  if (client.is_readable || client.unread) put_off(client);
  if (server.is_own) {
    close(server, "replication client was closed", true);
    return;
  }
  let_go(server);
}

/// Nobody works with it any more, and it is in no list.
void Loop::let_go(Server& server) {
  if (is_life_over(server)) {
    close(server, "server lifetime over", true);
    return;
  }
  if (server.pool->shared.is_outdated(server.epoch)) {
    close(server, "database configuration changed", true);
    return;
  }
  if (server.pool->shared.may_owe() && pay_debt(server)) return;
  if (server.prepared && !server.prepared->pipeline.is_idle()) {
    close(server, "statements under way", true); // Whatever it is, it must not reach another.
    return;
  }
  if (server.is_dirty || server.is_unknown || server.is_listening) {
    clean(server);
    return;
  }
  if (has_old_plans(server)) {
    forget_plans(server);
    return;
  }
  const Settings& all = settings();
  if (!all.server_reset_query.empty() &&
      (all.server_reset_query_always || server.pool->shared.mode() == PoolMode::session)) {
    ask_server(server, Server::State::resetting, reset_query(server));
    return;
  }
  set_free(server);
}

void Loop::set_free(Server& server) {
  server.pool->busy.remove(server);
  if (server.is_ended) { // It answered, and went.
    close(server, "server conn crashed?", false);
    return;
  }
  if (!server.scanner.is_between()) {
    close(server, "idle server got dirty", true);
    return;
  }
  if (server.pool->is_paused) {
    close(server, "pause mode", true);
    return;
  }
  if (server.pool->shared.is_outdated(server.epoch)) {
    close(server, "database configuration changed", true);
    return;
  }
  if (server.is_cancel_late) {
    close(server, "a cancel request may still come", true);
    return;
  }
  if (server.cancels > 0) {
    server.state = Server::State::cancelled;
    server.pool->busy.push_back(server);
    return;
  }
  const int loop = older_waiter_elsewhere(*server.pool);
  if (loop >= 0) {
    hand_over(server, loop);
  } else {
    give(server);
  }
}

void Loop::give(Server& server) {
  LoopPool& pool = *server.pool;
  if (put_first(pool, server)) return;
  while (Client* client = pool.waiting.front()) {
    leave_queue(*client);
    if (serve(*client, server)) return;
  }
  set_idle(server);
}

/// Nobody of this loop wants it.
void Loop::set_idle(Server& server) {
  make_idle(server);
  // Whoever began to wait elsewhere just now either saw that it is idle, or is seen here.
  const int loop = older_waiter_elsewhere(*server.pool);
  if (loop < 0) return;
  leave_idle(server);
  hand_over(server, loop);
}

void Loop::make_idle(Server& server) {
  LoopPool& pool = *server.pool;
  server.state = Server::State::idle;
  if (settings().server_round_robin) {
    pool.idle.push_back(server);
  } else {
    pool.idle.push_front(server);
  }
  pool.shared.part(index_).idle.store(static_cast<int>(pool.idle.size()));
}

void Loop::leave_idle(Server& server) {
  LoopPool& pool = *server.pool;
  pool.idle.remove(server);
  pool.shared.part(index_).idle.store(static_cast<int>(pool.idle.size()));
}

bool Loop::needs_check(const Server& server) const {
  const Settings& all = settings();
  return !all.server_check_query.empty() &&
         now_ - server.request_at > all.server_check_delay.count();
}

/// Not all at once, even if all were opened at once: as PgBouncer spreads them.
bool Loop::is_life_over(Server& server) {
  Pool& pool = server.pool->shared;
  if (now_ - server.connected_at < pool.limits().server_lifetime) return false;
  const Micros gap = pool.size() > 0 ? pool.limits().server_lifetime / pool.size() : 0;
  if (now_ - pool.last_lifetime_end.load() < gap) return false;
  pool.last_lifetime_end.store(now_);
  return true;
}

void Loop::ask_server(Server& server, Server::State state, std::string_view sql) {
  server.state = state;
  server.pool->busy.push_back(server);
  server.swallowed = 1;
  server.request_at = now_;
  forget_unnamed(server);
  std::string question;
  wire::append_query(question, sql);
  send(server, question);
}

/// Those that answer a question of ours, which takes no time. An auth_query may take long, and so
/// may a cancel request.
std::size_t Loop::free_soon(const LoopPool& pool) {
  std::size_t count = 0;
  for (const Server* server = pool.busy.front(); server != nullptr;
       server = pool.busy.next(*server)) {
    if (server->state == Server::State::resetting || server->state == Server::State::checking)
      ++count;
  }
  return count;
}

/// Somebody waits: asks another loop for a server that it does not use, once, else opens one.
void Loop::call_for_server(LoopPool& pool) {
  if (pool.ear) call_for_ear(pool);
  if (!pool.replicating.empty()) call_for_own_server(pool);
  const std::size_t waiters = pool.waiting.size() + pool.questions.size();
  if (waiters == 0 && pool.welcoming.empty()) return;
  if (waiters > 0 && free_soon(pool) >= waiters) return;
  if (!pool.starting.empty()) return;
  if (waiters > 0 && !pool.has_asked) {
    ask_other_loops(pool, {});
    if (pool.has_asked) return; // It comes, or we are told that it does not.
  }
  launch(pool);
}

} // namespace pgkeep::pool
