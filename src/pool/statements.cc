// Where named statements are looked after, messages about them are gathered and may be said in
// other words; all others go on as they are, as views of what was received. What must be said
// otherwise is put into one string together with what stands before it, so that two parts are sent
// at most.
#include <algorithm>

#include <fmt/format.h>

#include "pool/loop.h"
#include "wire/attempt.h"
#include "wire/bytes.h"
#include "wire/deallocate.h"
#include "wire/listen.h"

namespace pgkeep::pool {
namespace {

namespace from_server = wire::from_server;

/// Of a message that is gathered as a whole: longer than any statement that somebody wrote.
constexpr std::size_t kGatheredMax = 64UZ * 1024 * 1024;
/// Of a CommandComplete that says that all statements are gone.
constexpr std::uint32_t kTagMessageMax = 40;

/// The two names of a Bind are looked for in so much of it, before it has come as a whole.
constexpr std::size_t kNamesMax = 4096;

/// So much of a Query shows whether it may take all statements away.
constexpr std::size_t kForgetMax = 128;

/// Whether enough of a message has come. Of Bind, which may be as long as its parameters, only the
/// names are needed; of Parse, if it is too long to be kept, that it has none.
bool has_enough(wire::Header header, std::string_view rest) {
  if (rest.size() >= header.message_bytes()) return true;
  if (header.type == wire::from_client::kQuery) return rest.size() >= kForgetMax;
  const std::string_view body = rest.substr(wire::Header::kBytes, kNamesMax);
  if (header.type == wire::from_client::kParse)
    return header.length > wire::PreparedPipeline::kUnnamedBytesMax && body.starts_with('\0');
  if (header.type != wire::from_client::kBind) return false;
  const std::size_t portal = body.find('\0');
  return portal != std::string_view::npos && body.find('\0', portal + 1) != std::string_view::npos;
}

/// So few bytes behind what was made are copied: one part is sent at less than two.
constexpr std::size_t kCopiedMax = 2048;

std::size_t distance(const char* from, const char* to) {
  return static_cast<std::size_t>(to - from);
}

} // namespace

std::optional<wire::TransactionStatus> status_between(const Client& client) {
  if (!client.exchange.is_settled() || !client.scanner.is_between() || client.partial)
    return std::nullopt;
  if (client.server == nullptr) return wire::TransactionStatus::idle;
  const wire::TransactionStatus status = client.server->status;
  if (!client.server->scanner.is_between() || status == wire::TransactionStatus::failed)
    return std::nullopt;
  return status;
}

void forget_unnamed(Server& server) {
  if (server.prepared)
    server.prepared->known.set_unnamed(wire::kNoUnnamed, wire::ServerStatements::kProven);
}

Outgoing Loop::scan_statements(Client& client, Server& server, std::string_view bytes) {
  if (client.partial) {
    client.partial->bytes.append(bytes);
    bytes = client.partial->bytes;
  }
  made_.clear();
  due_.clear();
  Outgoing outgoing;
  std::string_view rest = bytes;
  const char* as_is = bytes.data(); // From there on nothing is in made_.
  const char* stop = bytes.data() + bytes.size();
  left_over_ = {};
  const auto longest = static_cast<std::uint32_t>(settings().max_packet_size);
  while (!rest.empty()) {
    if (client.scanner.is_between()) {
      const auto header = wire::header_of(rest);
      const bool may_pass = header && header->is_sound() && header->length <= longest;
      const bool is_ours = may_pass && wire::PreparedPipeline::is_about_statements(header->type);
      const bool is_query = may_pass && header->type == wire::from_client::kQuery;
      if (!header || ((is_ours || is_query) && !has_enough(*header, rest))) {
        left_over_ = rest;
        stop = rest.data();
        if (is_ours && header->message_bytes() > kGatheredMax) {
          note_bad_header(*header, rest.substr(wire::Header::kBytes));
          outgoing.end = Outgoing::End::broken;
        }
        break;
      }
      if (is_ours) {
        made_.append(as_is, distance(as_is, rest.data()));
        const std::string_view body = rest.substr(wire::Header::kBytes);
        as_is = say_statement(client, server, *header, rest);
        const bool is_broken = as_is == nullptr;
        if (!is_broken && !has_too_many_statements(client)) continue;
        if (is_broken) note_bad_header(*header, body);
        outgoing.end = is_broken ? Outgoing::End::broken : Outgoing::End::too_many_statements;
        as_is = stop;
        break;
      }
    }
    const auto part = client.scanner.next(rest);
    if (!part) {
      note_bad_header(client.scanner.header(), rest);
      outgoing.end = Outgoing::End::broken;
      stop = rest.data() - wire::Header::kBytes;
      break;
    }
    if (!part->begins) {
      if (client.pool->shared.session_hints() != 0) note_more_text(client, *part);
      continue;
    }
    outgoing.end = accept_message(client, *part);
    if (outgoing.end != Outgoing::End::none) {
      stop = part->body.data() - wire::Header::kBytes;
      break;
    }
    say_other(client, server, *part);
  }
  outgoing.bytes = {as_is, distance(as_is, stop)};
  if (!made_.empty() && outgoing.bytes.size() <= kCopiedMax) {
    made_.append(outgoing.bytes);
    outgoing.bytes = {};
  }
  outgoing.made = made_;
  if (!due_.empty()) send(client, due_);
  due_.clear();
  return outgoing;
}

/// `owed`: so many answers are still to come to what was said before.
void Loop::begin_statements(Server& server, std::uint32_t owed) {
  // A client that had some before a reload said that there are none goes on with one at a time.
  server.prepared = std::make_unique<Prepared>(
      shared_.statements, std::max(std::size_t{1}, server.pool->shared.statements_max()));
  server.prepared->plans_seen = server.pool->shared.plans_changed.load();
  for (; owed > 0; --owed)
    server.prepared->pipeline.client_says(wire::from_client::kFunctionCall, {}, nullptr,
                                          server.prepared->known);
}

/// A message that is not about statements, and may have to do with them.
void Loop::say_other(const Client& client, Server& server, const wire::MessageScanner::Part& part) {
  if (!server.prepared && part.type == wire::from_client::kExecute) {
    // Where it fails, the server passes over what follows.
    begin_statements(server, client.exchange.owed());
  } else if (!server.prepared) {
    if (!client.statements || part.type != wire::from_client::kQuery) return;
    client.statements->set_unnamed(wire::kNoUnnamed);
    if (!wire::PreparedPipeline::may_forget_all(part.body)) return;
    begin_statements(server, std::max(client.exchange.owed(), 1U) - 1);
  }
  server.prepared->pipeline.client_says(part.type, part.body, client.statements.get(),
                                        server.prepared->known);
}

/// What its texts are read by from now on.
void Loop::note_settings(const Client& client) const {
  if (!client.statements) return;
  std::string read_by =
      settings_of_parse(directory_->tracked, client.parameters, client.session.get());
  if (read_by != client.statements->settings()) client.statements->set_settings(std::move(read_by));
}

/// While it is not known what the client has set, nobody reads a text as it does: not even itself,
/// a moment later.
void Loop::read_apart(Client& client, const Server& server) {
  constexpr wire::SessionHints kPending =
      wire::kHintSettings | wire::kHintUser | wire::kHintUnknown;
  if ((server.pool->shared.session_hints() & wire::kHintSettings) == 0 ||
      ((client.hints & kPending) == 0 && !server.session_answer))
    return;
  client.statements->set_settings(fmt::format("{}{}.{}", '\0', client.id, ++last_apart_));
}

/// What a client says is going to be scanned, to be sent behind what makes the server's settings
/// those of the client: where that is anything, or may be.
void Loop::begin_scan(Client& client, Server& server) {
  if (client.scanner.is_between() && !client.partial)
    client.keeps_statements =
        client.pool->shared.statements_max() > 0 || client.statements || server.prepared;
  if (server.prepared && (client.parameters != server.parameters || client.session ||
                          server.session || server.pool->shared.session_hints() != 0))
    forget_unnamed(server);
}

/// The message at the front of `rest`, which moves behind it. Returns where what is not in made_
/// begins; null where the message is none of its type.
const char* Loop::say_statement(Client& client, Server& server, wire::Header header,
                                std::string_view& rest) {
  if (!server.prepared) begin_statements(server, client.exchange.owed());
  if (!client.statements) {
    client.statements = std::make_unique<wire::ClientStatements>();
    note_settings(client);
  }
  read_apart(client, server);
  const char* const begin = rest.data();
  const std::string_view body =
      rest.substr(wire::Header::kBytes, header.message_bytes() - wire::Header::kBytes);
  static_cast<void>(client.exchange.client_sent(header.type));
  static_cast<void>(client.scanner.next(rest));
  wire::PreparedPipeline& pipeline = server.prepared->pipeline;
  pipeline.set_half_way(!server.scanner.is_between());
  const std::uint64_t prepares = pipeline.prepares();
  const auto outcome = pipeline.client_says(header.type, header.length, body, *client.statements,
                                            server.prepared->known, made_, due_);
  Traffic& traffic = server.pool->traffic;
  traffic.server_parses += pipeline.prepares() - prepares;
  if (header.type == wire::from_client::kParse && !body.starts_with('\0')) ++traffic.client_parses;
  if (header.type == wire::from_client::kBind) {
    const std::size_t name = body.find('\0') + 1; // There is one: see has_enough().
    if (name < body.size() && body[name] != '\0') ++traffic.binds;
  }
  if (outcome.is_broken) return nullptr;
  if (const wire::SessionHints wanted = server.pool->shared.session_hints(); wanted != 0) {
    if (outcome.bound != nullptr) {
      client.hints |= outcome.bound->hints & wanted;
      note_custom(client, outcome.bound->custom_settings);
    } else if (header.type == wire::from_client::kParse) {
      note_text(client, {.type = header.type,
                         .body = body,
                         .ends = header.message_bytes() == wire::Header::kBytes + body.size()});
    }
  }
  return outcome.goes_as_is ? begin : body.data() + outcome.body_from;
}

/// DEALLOCATE of a statement that servers know by a name of ours, and others may use. True: it is
/// answered.
bool Loop::take_deallocate(Client& client, std::string_view bytes) {
  if (!client.statements || bytes.size() <= wire::Header::kBytes + 1) return false;
  const bool is_query = bytes.front() == wire::from_client::kQuery;
  const bool is_parse =
      bytes.front() == wire::from_client::kParse && bytes[wire::Header::kBytes] == '\0';
  if ((!is_query && !is_parse) ||
      !wire::may_be_deallocate(bytes.substr(wire::Header::kBytes + (is_parse ? 1 : 0))))
    return false;
  const auto status = status_between(client);
  const auto request = status ? wire::request_of(bytes) : std::nullopt;
  const auto command = request ? wire::deallocate_of(request->sql) : std::nullopt;
  std::string answer;
  if (!command || client.statements->find(command->name) == nullptr ||
      !wire::append_deallocate_answer(answer, *command, *request, *status))
    return false;
  client.statements->set(command->name, nullptr);
  client.statements->set_unnamed(wire::kNoUnnamed);
  send(client, answer);
  return true;
}

/// One that is run here, and whose Parse no server has seen. False: it cannot be kept.
bool Loop::keep_statement(Client& client, const wire::SingleRequest& request) {
  if (client.pool->shared.statements_max() == 0) return false;
  if (!client.statements) {
    client.statements = std::make_unique<wire::ClientStatements>();
    note_settings(client);
  }
  if (client.statements->find(request.statement) != nullptr) return false;
  client.statements->set(request.statement,
                         shared_.statements.intern(request.parse, client.statements->settings()));
  if (!has_too_many_statements(client)) return true;
  client.statements->set(request.statement, nullptr);
  return false;
}

/// What is answered here, in the place of a server.
bool Loop::take_own(Client& client, std::string_view bytes) {
  return take_deallocate(client, bytes) ||
         (client.pool->shared.shares_listen() && take_listen(client, bytes));
}

bool Loop::has_too_many_statements(const Client& client) const {
  const auto most = static_cast<std::size_t>(settings().client_statements_size);
  return most > 0 && client.statements->bytes() > most;
}

/// Once what was scanned is sent: its views may be of the same buffer.
void Loop::keep_partial(Client& client) {
  if (left_over_.empty()) {
    give_back(client.partial);
    return;
  }
  // More is to come of a message that has stood there alone.
  if (client.partial && left_over_.data() == client.partial->bytes.data()) {
    left_over_ = {};
    return;
  }
  std::unique_ptr<Kept> kept = borrow();
  kept->bytes = left_over_;
  left_over_ = {};
  give_back(client.partial);
  client.partial = std::move(kept);
}

void Loop::from_server_of_statements(Server& server, std::string_view bytes) {
  // Of a header that has not come as a whole it is not known whether it is the client's.
  const std::string_view held = server.scanner.held();
  std::ranges::copy(held, prefix_.begin());
  std::string_view prefix(prefix_.data(), held.size());
  made_.clear();
  std::string_view rest = bytes;
  const char* as_is = bytes.data();
  bool has_begun = false;
  while (const auto part = server.scanner.next(rest)) {
    const bool is_answer_to_us = server.swallowed > 0;
    const bool began_before = !has_begun && part->begins && !prefix.empty();
    has_begun = true;
    const char* const begin =
        began_before ? bytes.data() : part->body.data() - (part->begins ? wire::Header::kBytes : 0);
    if (!take_part(server, *part)) {
      if (server.is_dead) return;
      const char* const stop = part->begins || is_answer_to_us ? begin : rest.data();
      const std::string_view before[] = {
          began_before ? std::string_view() : prefix, made_, {as_is, distance(as_is, stop)}};
      end_server(server, before);
      return;
    }
    const std::string_view tag = tag_of(server, *part);
    if (is_answer_to_us && server.prepared && wire::PreparedPipeline::forgets_all(tag))
      server.prepared->known.clear();
    const bool passes = !is_answer_to_us && (!part->ends || is_theirs(server, part->type, tag));
    if (!passes) {
      made_.append(as_is, distance(as_is, begin));
      as_is = rest.data();
      if (began_before) prefix = {};
    }
    if (std::exchange(is_listen_lost_, false)) due_ += wire::listen_lost();
    if (due_.empty()) continue;
    made_.append(as_is, distance(as_is, rest.data())).append(due_);
    as_is = rest.data();
    due_.clear();
  }
  if (server.scanner.is_broken()) {
    close(server, "bad pkt header", false);
    return;
  }
  const std::size_t held_now = server.scanner.held().size();
  if (held_now > 0 && !has_begun) return; // Still the same header.
  Client* const client = server.client;
  if (client != nullptr && client->state == Client::State::active) {
    const char* const stop = bytes.data() + bytes.size() - held_now;
    const std::string_view parts[] = {prefix, made_, {as_is, distance(as_is, stop)}};
    send(*client, parts);
    if (client->is_readable) put_off(*client); // It may have said too much to be read on.
  }
  settle(server);
}

/// Of a CommandComplete, once it is whole: the one that says that all statements are gone is short.
std::string_view Loop::tag_of(Server& server, const wire::MessageScanner::Part& part) {
  if (part.type != from_server::kCommandComplete || part.length > kTagMessageMax) return {};
  if (part.begins && part.ends) return part.body;
  if (part.begins) server.parameter.clear();
  server.parameter += part.body;
  return part.ends ? std::string_view(server.parameter) : std::string_view{};
}

/// A message that has come to its end: whether it is the client's. due_: what is put behind it.
bool Loop::is_theirs(Server& server, char type, std::string_view tag) {
  due_.clear();
  wire::ClientStatements* const statements =
      server.client == nullptr ? nullptr : server.client->statements.get();
  if (!server.prepared) { // Nobody prepared anything here: the client may have, elsewhere.
    if (statements != nullptr && wire::PreparedPipeline::forgets_all(tag)) statements->clear();
    return true;
  }
  return server.prepared->pipeline.server_says(type, tag, statements, server.prepared->known, due_);
}

} // namespace pgkeep::pool
