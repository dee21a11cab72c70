// The way of a query: client -> server -> client. Only here is it decided what of a buffer may go
// to the other side, and when a server has nothing of its client any more.
#include <algorithm>

#include <fmt/format.h>

#include "pool/loop.h"
#include "wire/bytes.h"
#include "wire/error_fields.h"
#include "wire/listen.h"

namespace pgkeep::pool {

using wire::TransactionStatus;
namespace from_server = wire::from_server;

namespace {

/// What a message says that may come in parts: once its end is there, and no more of it than is
/// ever looked at.
std::optional<std::string_view> gathered(Server& server, const wire::MessageScanner::Part& part) {
  if (part.begins && part.ends) return part.body;
  if (part.begins) server.parameter.clear();
  server.parameter += part.body.substr(0, ServerLogin::kMessageBytesMax - server.parameter.size());
  return part.ends ? std::optional<std::string_view>(server.parameter) : std::nullopt;
}

} // namespace

/// Whether what it says next may be taken. What is in the way looks here again once it is gone: the
/// flush of either side, or an answer. Where none is sure to come, there is nothing to wait for.
bool Loop::has_room(Client& client) {
  const Server& server = *client.server;
  // Answers that it does not read would pile up. What is left of one that has ended is little.
  if (server.kept || (client.kept && !client.is_ended)) return false;
  if (!server.prepared || !server.prepared->pipeline.is_full()) return true;
  if (client.is_ended) {
    disconnect(client, "client unexpected eof", false);
  } else if (client.exchange.owed() == 0 && !server.prepared->pipeline.is_sure_of_answers()) {
    disconnect(client, "too many messages without a Sync", true, "54000");
  }
  return false;
}

void Loop::relay_client(Client& client) {
  for (int round = 0; client.is_readable && client.server != nullptr; ++round) {
    if (!has_room(client)) return;
    if (client.listening && !client.listening->awaited.empty()) {
      if (client.is_ended) disconnect(client, "client unexpected eof", false);
      return;
    }
    if (client.server->attempt && !leave_attempt(*client.server)) return;
    if (round == kRoundsMax) {
      put_off(client);
      return;
    }
    const ssize_t count = receive(client);
    if (count < 0) return;
    if (count == 0) {
      disconnect(client, "client unexpected eof", false);
      return;
    }
    client.request_at = now_;
    client.pool->traffic.received += static_cast<std::uint64_t>(count);
    std::string_view bytes(input_->data(), static_cast<std::size_t>(count));
    if (client.unread) { // The front of what is looked at as a whole.
      client.unread->bytes.append(bytes);
      bytes = client.unread->rest();
    }
    if (is_front_alone(client, bytes)) {
      if (!client.unread) keep_front(client, bytes);
      continue;
    }
    std::unique_ptr<Kept> front = std::move(client.unread);
    if (take_own(client, bytes)) {
      give_back(front);
      continue;
    }
    const Outgoing outgoing = scan(client, *client.server, bytes);
    to_server(client, outgoing);
    if (is_fresh_) begin_attempt(client, *client.server, outgoing);
    keep_partial(client);
    give_back(front);
    if (outgoing.end != Outgoing::End::none) {
      end_client(client, outgoing.end);
      return;
    }
    // Without a question there is no answer that would settle it.
    if (client.exchange.owed() == 0) settle(*client.server);
  }
}

Outgoing Loop::scan(Client& client, Server& server, std::string_view bytes) {
  const bool is_new = client.exchange.is_settled() &&
                      (client.server == nullptr || server.status == TransactionStatus::idle);
  if (is_new) client.transaction_at = now_;
  if (client.query_at == 0) client.query_at = now_;
  is_fresh_ = is_new && server.pool->shared.may_try_again() && client.scanner.is_between() &&
              !client.partial;
  return client.keeps_statements ? scan_statements(client, server, bytes)
                                 : scan_client(client, bytes);
}

/// What its header says of a message: whether the connection goes on.
Outgoing::End Loop::accept_message(Client& client, const wire::MessageScanner::Part& part) {
  if (part.length > static_cast<std::uint32_t>(settings().max_packet_size)) {
    note_bad_header({.type = part.type, .length = part.length}, part.body);
    return Outgoing::End::broken;
  }
  if (part.type == wire::from_client::kTerminate) return Outgoing::End::terminate;
  if (part.type == wire::from_client::kQuery && settings().disable_pqexec)
    return Outgoing::End::simple_query;
  if (client.pool->shared.session_hints() != 0) note_text(client, part);
  return client.exchange.client_sent(part.type) ? Outgoing::End::none : Outgoing::End::unknown;
}

/// What may go to a server: all but the start of a header that is not whole, and whatever begins
/// with a message that ends the connection.
Outgoing Loop::scan_client(Client& client, std::string_view bytes) {
  const std::string_view held = client.scanner.held();
  std::ranges::copy(held, prefix_.begin());
  Outgoing outgoing{.prefix = {prefix_.data(), held.size()}, .made = {}, .bytes = bytes};
  bool has_begun = false;
  std::string_view rest = bytes;
  while (const auto part = client.scanner.next(rest)) {
    if (!part->begins) {
      if (client.pool->shared.session_hints() != 0) note_more_text(client, *part);
      continue;
    }
    outgoing.end = accept_message(client, *part);
    if (outgoing.end != Outgoing::End::none) {
      // Its header ends where its body begins; it may have begun in earlier bytes.
      const auto body_at = static_cast<std::size_t>(part->body.data() - bytes.data());
      const std::size_t header = wire::Header::kBytes;
      if (!has_begun && body_at <= header) {
        outgoing.prefix = outgoing.bytes = {};
      } else {
        outgoing.bytes = bytes.substr(0, body_at - header);
      }
      return outgoing;
    }
    has_begun = true;
  }
  if (client.scanner.is_broken()) {
    note_bad_header(client.scanner.header(), rest);
    outgoing.end = Outgoing::End::broken;
    outgoing.prefix = outgoing.bytes = {};
    return outgoing;
  }
  const std::size_t held_now = client.scanner.held().size();
  if (held_now > 0 && !has_begun && !outgoing.prefix.empty()) {
    outgoing.prefix = outgoing.bytes = {}; // Still the same header.
  } else {
    outgoing.bytes = bytes.substr(0, bytes.size() - held_now);
  }
  return outgoing;
}

/// For the error and the log. `next`: what came behind it.
void Loop::note_bad_header(wire::Header header, std::string_view next) {
  std::string bytes(1, header.type);
  wire::append_uint32(bytes, header.length);
  bad_header_ = bad_header(bytes.append(next.substr(0, sizeof(header.length))));
}

void Loop::to_server(Client& client, const Outgoing& outgoing) {
  const std::string_view parts[] = {outgoing.prefix, outgoing.made, outgoing.bytes};
  send(*client.server, parts);
}

void Loop::end_client(Client& client, Outgoing::End end) {
  switch (end) {
  case Outgoing::End::none:
    break;
  case Outgoing::End::terminate:
    disconnect(client, "client close request", false);
    break;
  case Outgoing::End::unknown:
    disconnect(client, "unknown pkt", true);
    break;
  case Outgoing::End::broken:
    disconnect(client, bad_header_, true);
    break;
  case Outgoing::End::simple_query:
    shared_.log.error(fmt::format("{} client used \"Query\" packet type", label(client)));
    disconnect(client, "PQexec disallowed", true);
    break;
  case Outgoing::End::too_many_statements:
    disconnect(client, "too many prepared statements (client_statements_size)", true, "54000");
    break;
  }
}

void Loop::relay_server(Server& server) {
  for (int round = 0; server.is_readable && !server.is_dead; ++round) {
    if (server.client != nullptr && server.client->kept) return; // Its flush looks here again.
    if (round == kRoundsMax) {
      put_off(server);
      return;
    }
    const ssize_t count = receive(server);
    if (count < 0) return;
    if (count == 0) {
      close(server, "server conn crashed?", false);
      return;
    }
    server.request_at = now_;
    if (server.client != nullptr) server.pool->traffic.sent += static_cast<std::uint64_t>(count);
    const std::string_view bytes(input_->data(), static_cast<std::size_t>(count));
    if (server.is_ear) {
      hear_channels(server, bytes);
    } else if (server.attempt && server.attempt->is_open()) {
      hear_attempt(server, bytes);
    } else {
      hear(server, bytes);
    }
    if (server.state == Server::State::leaving) return; // The next loop reads on.
  }
}

void Loop::hear(Server& server, std::string_view bytes) {
  if (server.keeps_statements) {
    from_server_of_statements(server, bytes);
  } else {
    from_server(server, bytes);
  }
}

void Loop::from_server(Server& server, std::string_view bytes) {
  std::string_view rest = bytes;
  std::size_t first =
      server.swallowed > 0 ? bytes.size() : 0; // What goes to the client begins there.
  while (const auto part = server.scanner.next(rest)) {
    const bool was_swallowed = server.swallowed > 0;
    const std::size_t end = bytes.size() - rest.size();
    if (!take_part(server, *part)) {
      if (server.is_dead) return;
      const std::size_t taken = part->body.size() + (part->begins ? wire::Header::kBytes : 0);
      const bool has_gone = !part->begins || taken > end; // To the client, its front: so does it.
      const std::size_t stop = has_gone ? end : end - taken;
      const std::string_view before[] = {first < stop ? bytes.substr(first, stop - first)
                                                      : std::string_view()};
      end_server(server, before);
      return;
    }
    if (was_swallowed && server.swallowed == 0) first = end;
    if (std::exchange(is_listen_lost_, false)) {
      send(*server.client, bytes.substr(first, end - first));
      send(*server.client, wire::listen_lost());
      first = end;
    }
  }
  if (server.scanner.is_broken()) {
    close(server, "bad pkt header", false);
    return;
  }
  if (server.client != nullptr && server.client->state == Client::State::active)
    send(*server.client, bytes.substr(first));
  settle(server);
}

/// False: the server is closed, or is to be, as doom_ says, once what it said before has gone on.
bool Loop::take_part(Server& server, const wire::MessageScanner::Part& part) {
  Client* client = server.client;
  switch (part.type) {
  case from_server::kReadyForQuery:
    return take_ready(server, part);
  case from_server::kParameterStatus:
    return take_parameter(server, part);
  case from_server::kError:
    if (server.swallowed > 0) return take_refusal(server, part);
    if (server.prepared && part.begins && part.ends) note_useless_statement(server, part.body);
    break;
  case from_server::kCommandComplete:
    if (client != nullptr && server.swallowed == 0 && server.pool->shared.reads_tags())
      note_tag(*client, part);
    break;
  case from_server::kDataRow:
    if (server.swallowed == 0 || !server.session_answer) break;
    if (server.session_answer->take_row(part.body, part.ends)) return true;
    return doom("bad answer of server", true);
  case from_server::kEmptyQuery:
    server.is_in_doubt = false;
    break;
  case from_server::kNotice:
  case from_server::kNotification:
    return true;
  default:
    break;
  }
  if (server.swallowed > 0) return true;
  if (client == nullptr) {
    return doom("idle server got dirty", false);
  }
  if (part.begins) client->exchange.server_sent(part.type);
  return true;
}

/// An error in the place of an answer to us. No client hears it, so the log does: a value that a
/// client asked for at its start may be none. False: the server is closed.
bool Loop::take_refusal(Server& server, const wire::MessageScanner::Part& part) {
  if (may_ask_again(server, part)) return true;
  if (server.state != Server::State::active) {
    close(server, "test query failed", true);
    return false;
  }
  const auto body = gathered(server, part);
  if (!body) return true;
  const auto fields = wire::error_fields_of(*body);
  const std::string_view what =
      server.session_answer ? "question about the session failed" : "varcache_apply failed";
  shared_.log.error(fields ? fmt::format("{}: {}: {}", what, fields->severity, fields->message)
                           : fmt::format("{}: partial error message, cannot log", what));
  close(server, "invalid server parameter", true);
  return false;
}

/// Of ReadyForQuery: false where the server is closed.
bool Loop::take_ready(Server& server, const wire::MessageScanner::Part& part) {
  if (!part.ends) return true; // Its one byte has not come yet.
  if (part.body.empty()) {
    return doom("bad pkt header", false);
  }
  server.status = static_cast<TransactionStatus>(part.body.back());
  if (server.is_in_doubt) { // Our question is not answered yet: this is of the client's Sync.
    pass_ready(server);
    return true;
  }
  if (server.swallowed > 0) {
    --server.swallowed;
    if (server.swallowed == 0) answered(server);
    return !server.is_dead;
  }
  Client* const client = server.client;
  if (client == nullptr) {
    return doom("idle server got dirty", false);
  }
  client->exchange.server_is_ready();
  count_query(*client, server);
  if (server.status != TransactionStatus::idle && !server.is_own &&
      server.pool->shared.mode() == PoolMode::statement) {
    return doom("transaction blocks not allowed in statement pooling mode", true);
  }
  return true;
}

bool Loop::doom(std::string_view reason, bool says_goodbye) {
  doom_ = reason;
  says_goodbye_ = says_goodbye;
  return false;
}

/// As doom_ says: not before its client has what came before that, so that what the client is told
/// is no part of a row.
void Loop::end_server(Server& server, std::span<const std::string_view> before) {
  if (server.client != nullptr && server.client->state == Client::State::active)
    send(*server.client, before);
  close(server, doom_, says_goodbye_);
}

/// A query is answered, and with it maybe a transaction.
void Loop::count_query(Client& client, const Server& server) {
  LoopPool& pool = *server.pool;
  const Micros took = now_ - client.query_at;
  ++pool.traffic.queries;
  pool.traffic.query_us += static_cast<std::uint64_t>(took);
  pool.durations.query.add(took);
  client.query_at = client.exchange.owed() > 0 ? now_ : 0;
  if (server.status != TransactionStatus::idle) return;
  const Micros of_all = now_ - std::exchange(client.transaction_at, now_);
  ++pool.traffic.xacts;
  pool.traffic.xact_us += static_cast<std::uint64_t>(of_all);
  pool.durations.xact.add(of_all);
}

/// False: the server is closed.
bool Loop::take_parameter(Server& server, const wire::MessageScanner::Part& part) {
  const auto body = gathered(server, part);
  if (!body) return true;
  wire::Reader reader(*body);
  const std::string_view name = reader.text();
  if (server.client != nullptr && server.swallowed == 0)
    server.client->hints |= wire::hints_of_parameter(name) & server.pool->shared.session_hints();
  const auto index = directory_->tracked.index_of(name);
  if (!index) return true;
  const std::string_view value = reader.text();
  if (reader.failed()) { // The next client would work with a value that nobody knows of.
    close(server, fmt::format("value of {} is too long", directory_->tracked.name(*index)), true);
    return false;
  }
  server.parameters.set(*index, value);
  if (server.client == nullptr) return true;
  server.client->parameters.set(*index, value);
  note_settings(*server.client);
  return true;
}

/// The last answer to a question of ours.
void Loop::answered(Server& server) {
  if (!held_cancels_.empty()) end_held_cancel(server);
  if (server.session_answer) {
    take_session_answer(server);
    return;
  }
  Client* client = server.client;
  if (client == nullptr) return; // settle() sees that the question is over.
  // A server says nothing where what it was told means what it had ("ISO" and "ISO, MDY"): without
  // this the two would differ for good, and each transaction would begin with a SET.
  client->parameters.take_from(server.parameters, directory_->tracked.count());
  note_settings(*client);
  client->unproven = 0;
  if (client->state != Client::State::setting) return;
  client->state = Client::State::active;
  if (client->unread) {
    send(server, client->unread->rest());
    give_back(client->unread);
  }
  if (client->is_readable) put_off(*client);
}

/// An empty query, which no client's Sync is answered like: who has it answered knows whether
/// another answer came before.
void Loop::ask_what_comes(Server& server) {
  Client& client = *server.client;
  if (client.state != Client::State::active || client.scanner.is_inside()) return;
  client.exchange.asked();
  server.is_in_doubt = true;
  std::string question;
  wire::append_query(question, "");
  forget_unnamed(server);
  ++server.swallowed;
  send(server, question);
}

void Loop::pass_ready(Server& server) {
  if (server.client == nullptr || server.client->state != Client::State::active) return;
  std::string ready;
  wire::append_ready_for_query(ready, server.status);
  send(*server.client, ready);
}

/// Lets the server go where nothing is left between it and its client.
void Loop::settle(Server& server) {
  if (server.swallowed > 0 || server.kept || !server.scanner.is_between()) return;
  if (server.client != nullptr && server.client->exchange.is_in_doubt() && !server.is_own) {
    ask_what_comes(server);
    return;
  }
  if (server.status != TransactionStatus::idle) return;
  if (server.client == nullptr) {
    if (server.state == Server::State::resetting || server.state == Server::State::checking)
      set_free(server);
    return;
  }
  Client& client = *server.client;
  if (client.listening) deliver(client);
  if (client.state != Client::State::active || !client.exchange.is_settled() ||
      client.scanner.is_inside() || server.pool->shared.mode() == PoolMode::session ||
      server.is_own)
    return;
  if (client.hints != 0 && ask_session(server)) return;
  if (client.held == 0) release(server);
}

} // namespace pgkeep::pool
