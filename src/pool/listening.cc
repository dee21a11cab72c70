// LISTEN and UNLISTEN are answered here. A client that listens to something new gets its answer
// when the shared connection has got its own: what is said from then on cannot be missed. In a
// transaction block it listens at once, and goes on even if that is rolled back.
#include "pool/listening.h"

#include <algorithm>

#include "base/text.h"
#include "pool/loop.h"
#include "wire/bytes.h"
#include "wire/error_fields.h"
#include "wire/listen.h"

namespace pgkeep::pool {
namespace {

constexpr std::string_view kLost = "the connection that listens was lost";

/// "utf-8" and "UTF8" are the same.
std::string encoding_name(std::string_view value) {
  std::string name = base::to_lower(value);
  std::erase_if(name, [](char c) { return (c < 'a' || c > 'z') && (c < '0' || c > '9'); });
  return name;
}

/// Bytes beyond ASCII mean what the connection that listens takes them for.
bool may_be_misread(const Client& client, std::string_view channel) {
  const auto value = client.parameters.get(TrackedNames::kClientEncoding);
  const auto usual = client.pool->welcome_values.get(TrackedNames::kClientEncoding);
  return std::ranges::any_of(channel, [](char c) { return (c & '\x80') != 0; }) && value && usual &&
         encoding_name(*value) != encoding_name(*usual);
}

/// Whether it is worth a closer look.
bool may_say_listen(std::string_view bytes) {
  if (bytes.size() <= wire::Header::kBytes) return false;
  if (bytes.front() == wire::from_client::kParse || bytes.front() == wire::from_client::kBind)
    return true;
  return bytes.front() == wire::from_client::kQuery &&
         wire::may_be_listen(bytes.substr(wire::Header::kBytes));
}

} // namespace

/// True: what the client said is answered, or will be.
bool Loop::take_listen(Client& client, std::string_view bytes) {
  if (client.listening && !client.listening->channels.empty()) {
    bool& says_all = client.listening->says_unlisten_all;
    says_all = (says_all && !client.exchange.is_settled()) || wire::says_unlisten_all(bytes);
  }
  const auto status = may_say_listen(bytes) ? status_between(client) : std::nullopt;
  const auto request = status ? wire::request_of(bytes) : std::nullopt;
  if (!request) return false;
  std::string_view sql = request->sql;
  const wire::StatementPtr named =
      request->statement.empty() || request->is_parsed || !client.statements
          ? nullptr
          : client.statements->find(request->statement);
  if (named != nullptr) sql = std::string_view(named->parse).substr(0, named->parse.find('\0'));
  const auto command = wire::listen_command_of(sql);
  if (!command || may_be_misread(client, command->channel)) return false;
  if (request->has_named() && !keep_statement(client, *request)) return false;
  if (!client.listening) client.listening = std::make_unique<Listening>();
  Listening& own = *client.listening;
  own.answer.clear();
  wire::append_listen_answer(own.answer, *command, *request, *status);
  if (command->is_listen) {
    if (!join(client, command->channel)) {
      own.awaited = command->channel;
      own.awaited_since = now_;
      return true;
    }
  } else if (command->channel.empty()) {
    leave_all(client);
  } else {
    leave(client, command->channel);
  }
  send(client, own.answer);
  return true;
}

/// It needs no server of the pool: where none is free, whoever says it does not wait for one. True:
/// there is nothing else to be done for the client.
bool Loop::take_listen_at_once(Client& client) {
  if (!client.unread) {
    const ssize_t count = receive(client);
    if (count == 0) disconnect(client, "client unexpected eof", false);
    if (count <= 0) return true;
    client.unread = borrow();
    client.unread->bytes.assign(input_->data(), static_cast<std::size_t>(count));
    if (!hear_rest(client)) return true;
  }
  if (!take_listen(client, client.unread->rest())) return false;
  client.request_at = now_;
  client.pool->traffic.received += client.unread->rest().size();
  give_back(client.unread);
  if (client.is_readable) put_off(client);
  return true;
}

/// Whether the channel is listened to already.
bool Loop::join(Client& client, const std::string& channel) {
  Listening& own = *client.listening;
  if (own.pool == nullptr) {
    own.pool = &part_of(client.pool->shared.ear_seat().take(client.pool->owner));
    ++client.pool->listeners;
  }
  LoopPool& pool = *own.pool;
  Audience& audience = pool.channels[channel];
  if (own.channels.insert(channel).second) audience.clients.push_back(&client);
  if (audience.wish == 0) {
    audience.wish = ++pool.last_wish;
    want_channel(pool, channel, audience.wish);
  }
  return audience.is_heard;
}

void Loop::leave(Client& client, const std::string& channel) {
  Listening& own = *client.listening;
  if (own.channels.erase(channel) == 0) return;
  LoopPool& pool = *own.pool;
  if (own.channels.empty()) {
    own.pool = nullptr;
    --client.pool->listeners;
  }
  const auto found = pool.channels.find(channel);
  PGKEEP_ASSERT(found != pool.channels.end());
  std::erase(found->second.clients, &client);
  if (!found->second.clients.empty()) return;
  pool.channels.erase(found);
  want_channel(pool, channel, 0);
}

void Loop::leave_all(Client& client) {
  const auto channels = client.listening->channels;
  for (const std::string& channel : channels)
    leave(client, channel);
}

/// By whatever connection listens now: nothing was heard by the other one, so nothing is lost.
void Loop::rejoin(Client& client) {
  Listening& own = *client.listening;
  const auto channels = own.channels;
  leave_all(client);
  for (const std::string& channel : channels) {
    if (!join(client, channel) || channel != own.awaited) continue;
    own.awaited.clear();
    send(client, own.answer);
    put_off(client);
  }
}

void Loop::want_channel(LoopPool& pool, const std::string& channel, std::uint64_t wish) {
  int owner = -1;
  if (pool.shared.ear_loop.compare_exchange_strong(owner, index_)) owner = index_;
  const WantedChannel wanted{.pool = pool.owner, .channel = channel, .loop = index_, .wish = wish};
  if (owner == index_) {
    take_wish(wanted);
  } else {
    shared_.loops[static_cast<std::size_t>(owner)]->post_always(wanted);
  }
}

// The loops that have clients.

void Loop::channel_heard(const ChannelHeard& heard) {
  LoopPool& pool = part_of(heard.pool);
  const auto found = pool.channels.find(heard.channel);
  if (found == pool.channels.end() || found->second.wish != heard.wish) return;
  found->second.is_heard = true;
  for (Client* client : found->second.clients) {
    Listening& own = *client->listening;
    if (own.awaited != heard.channel) continue;
    own.awaited.clear();
    send(*client, own.answer);
    put_off(*client);
  }
}

/// It has no server whose transaction would fail by that: who is in one goes.
void Loop::channel_refused(const ChannelRefused& refused) {
  LoopPool& pool = part_of(refused.pool);
  const auto found = pool.channels.find(refused.channel);
  const auto fields = wire::error_fields_of(refused.error);
  if (found == pool.channels.end() || found->second.wish != refused.wish || !fields) return;
  const std::vector<Client*> clients = found->second.clients; // Each leaves it.
  for (Client* client : clients) {
    Listening& own = *client->listening;
    const bool is_told = own.awaited == refused.channel;
    if (is_told) own.awaited.clear();
    leave(*client, refused.channel);
    if (!is_told) continue;
    if (client->server != nullptr && client->server->status != wire::TransactionStatus::idle) {
      disconnect(*client, fields->message, true, fields->sqlstate);
      continue;
    }
    own.answer.clear();
    wire::append_error(own.answer, *fields);
    wire::append_ready_for_query(own.answer, wire::TransactionStatus::idle);
    send(*client, own.answer);
    put_off(*client);
  }
}

/// Whoever has heard by it has missed something now, and goes.
void Loop::ear_lost(const EarLost& lost) {
  using Cause = EarLost::Cause;
  LoopPool& pool = part_of(lost.pool);
  std::map<Client*, bool> has_heard;
  for (const auto& [name, audience] : pool.channels) {
    for (Client* client : audience.clients)
      has_heard[client] = has_heard[client] || audience.is_heard;
  }
  const std::string reason = lost.reason.empty() ? std::string(kLost) : lost.reason;
  for (const auto& [client, has_missed] : has_heard) {
    if (has_missed || lost.cause == Cause::lost) {
      disconnect(*client, reason, true, "57P01");
    } else if (lost.cause == Cause::failed && client->pool == &pool) {
      disconnect(*client, reason, true);
    } else {
      rejoin(*client);
    }
  }
}

/// They wait for the connection as others do for a server of the pool.
void Loop::keep_up_listeners(const LoopPool& pool) {
  const Micros query_max = settings().query_timeout.count();
  std::vector<std::pair<Client*, std::string_view>> late;
  for (const auto& [name, audience] : pool.channels) {
    if (audience.is_heard) continue;
    for (Client* client : audience.clients) {
      const Micros waits = now_ - client->listening->awaited_since;
      if (client->listening->awaited != name) continue;
      if (query_max > 0 && waits > query_max) {
        late.emplace_back(client, "query_timeout");
      } else if (client->query_wait_max > 0 && waits > client->query_wait_max) {
        late.emplace_back(client, "query_wait_timeout");
      }
    }
  }
  for (const auto& [client, reason] : late)
    disconnect(*client, reason, true);
}

void Loop::fan_out(LoopPool& pool, std::string_view message) {
  const auto found = pool.channels.find(wire::channel_of(message.substr(wire::Header::kBytes)));
  if (found == pool.channels.end()) return;
  const std::vector<Client*> clients = found->second.clients; // Some may be sent away.
  for (Client* client : clients) {
    std::string& queue = client->listening->queue;
    if (queue.size() + message.size() > static_cast<std::size_t>(settings().listen_queue_size)) {
      disconnect(*client, kQueueFull, true);
      continue;
    }
    queue += message;
    deliver(*client);
  }
}

/// As a server does: between transactions, and not before the client has taken what it was sent. Of
/// a client whose answers cannot be counted (see wire::Exchange), behind any of them.
void Loop::deliver(Client& client) {
  std::string& queue = client.listening->queue;
  if (queue.empty() || client.kept) return;
  const bool is_free =
      client.state == Client::State::idle || client.state == Client::State::waiting;
  const auto is_between = [&client] {
    const Server& server = *client.server;
    return server.status == wire::TransactionStatus::idle && server.scanner.is_between() &&
           (client.exchange.is_settled() ||
            server.scanner.header().type == wire::from_server::kReadyForQuery);
  };
  if (!is_free && !(client.state == Client::State::active && is_between())) return;
  send(client, queue);
  queue.clear();
}

/// What the server said of a command that was not recognised here, or ended all of them. It hears
/// nothing there once the client has let go of it.
void Loop::note_listen_tag(Client& client, std::string_view tag) {
  const std::string_view words = tag.substr(0, tag.find('\0'));
  if (words == "LISTEN" && client.server != nullptr)
    client.server->is_listening = is_listen_lost_ = true;
  if (!client.listening) return;
  const bool leaves = words == "UNLISTEN" && client.listening->says_unlisten_all;
  if (leaves || words == "DISCARD ALL") leave_all(client);
}

} // namespace pgkeep::pool
