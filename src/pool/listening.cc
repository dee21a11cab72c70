// LISTEN and UNLISTEN are answered here. A client that listens to something new gets its answer
// when the shared connection has got its own: what is said from then on cannot be missed. In a
// transaction block it listens at once, and goes on even if that is rolled back.
#include "pool/listening.h"

#include <algorithm>

#include "pool/loop.h"
#include "wire/bytes.h"
#include "wire/error_fields.h"
#include "wire/listen.h"

namespace pgkeep::pool {
namespace {

constexpr std::string_view kLost = "the connection that listens was lost";
constexpr std::string_view kQueueFull =
    "too many notifications that nobody reads (listen_queue_size)";
constexpr std::size_t kMessageBytesMax = 65'536; ///< Of the connection that listens.

/// Whether it is worth a closer look.
bool may_be_listen(std::string_view bytes) {
  if (bytes.size() <= wire::Header::kBytes) return false;
  if (bytes.front() == wire::from_client::kParse || bytes.front() == wire::from_client::kBind)
    return true;
  if (bytes.front() != wire::from_client::kQuery) return false;
  const std::size_t at = bytes.find_first_not_of(" \t\r\n", wire::Header::kBytes);
  return at != std::string_view::npos &&
         std::string_view("lLuU").find(bytes[at]) != std::string_view::npos;
}

} // namespace

/// True: what the client said is answered, or will be.
bool Loop::take_listen(Client& client, std::string_view bytes) {
  if (!may_be_listen(bytes) || !client.exchange.is_settled() || !client.scanner.is_between() ||
      client.partial)
    return false;
  const auto status =
      client.server == nullptr ? wire::TransactionStatus::idle : client.server->status;
  if (status == wire::TransactionStatus::failed) return false;
  const auto request = wire::request_of(bytes);
  if (!request) return false;
  std::string_view sql = request->sql;
  const wire::StatementPtr named = request->statement.empty() || !client.statements
                                       ? nullptr
                                       : client.statements->find(request->statement);
  if (named != nullptr) sql = std::string_view(named->parse).substr(0, named->parse.find('\0'));
  const auto command = wire::listen_command_of(sql);
  if (!command) return false;
  if (!client.listening) client.listening = std::make_unique<Listening>();
  Listening& own = *client.listening;
  own.answer.clear();
  wire::append_listen_answer(own.answer, *command, *request, status);
  if (command->is_listen) {
    if (!join(client, command->channel)) {
      own.awaited = command->channel;
      return true;
    }
  } else if (command->channel.empty()) {
    leave_all(client);
  } else if (own.channels.erase(command->channel) > 0) {
    leave(client, command->channel);
  }
  send(client, own.answer);
  return true;
}

/// Whether the channel is listened to already.
bool Loop::join(Client& client, const std::string& channel) {
  LoopPool& pool = *client.pool;
  Audience& audience = pool.channels[channel];
  if (client.listening->channels.insert(channel).second) audience.clients.push_back(&client);
  if (audience.clients.size() == 1 && !audience.is_heard) want_channel(pool, channel, true);
  return audience.is_heard;
}

void Loop::leave(Client& client, const std::string& channel) {
  LoopPool& pool = *client.pool;
  const auto found = pool.channels.find(channel);
  if (found == pool.channels.end()) return;
  std::erase(found->second.clients, &client);
  if (!found->second.clients.empty()) return;
  pool.channels.erase(found);
  want_channel(pool, channel, false);
}

void Loop::leave_all(Client& client) {
  for (const std::string& channel : std::exchange(client.listening->channels, {}))
    leave(client, channel);
}

void Loop::want_channel(LoopPool& pool, const std::string& channel, bool is_wanted) {
  int owner = -1;
  if (pool.shared.ear_loop.compare_exchange_strong(owner, index_)) owner = index_;
  const WantedChannel wanted{
      .pool = pool.owner, .channel = channel, .loop = index_, .is_wanted = is_wanted};
  if (owner == index_) {
    take_wish(wanted);
  } else {
    shared_.loops[static_cast<std::size_t>(owner)]->post_always(wanted);
  }
}

// The loop that has the connection.

void Loop::take_wish(const WantedChannel& wanted) {
  LoopPool& pool = part_of(wanted.pool);
  if (!pool.ear) pool.ear = std::make_unique<Ear>();
  Ear& ear = *pool.ear;
  if (wanted.is_wanted) {
    Ear::Channel& channel = ear.channels[wanted.channel];
    channel.loops.insert(wanted.loop);
    if (channel.is_heard) {
      tell(wanted.loop, ChannelHeard{.pool = wanted.pool, .channel = wanted.channel});
    } else if (channel.asked == 0) {
      ask_to_listen(pool, wanted.channel);
    }
    return;
  }
  const auto found = ear.channels.find(wanted.channel);
  if (found == ear.channels.end()) return;
  found->second.loops.erase(wanted.loop);
  if (!found->second.loops.empty()) return;
  ear.channels.erase(found);
  if (!ear.is_ready) return;
  std::string question;
  wire::append_query(question, wire::listen_sql(false, wanted.channel));
  ear.asked.emplace_back(std::string(), 0);
  send(*ear.server, question);
}

void Loop::ask_to_listen(LoopPool& pool, const std::string& channel) {
  Ear& ear = *pool.ear;
  if (!ear.is_ready) {
    if (ear.server == nullptr) launch(pool, {.is_ear = true});
    return;
  }
  const std::uint64_t number = ++ear.last_number;
  ear.channels[channel].asked = number;
  ear.asked.emplace_back(channel, number);
  std::string question;
  wire::append_query(question, wire::listen_sql(true, channel));
  send(*ear.server, question);
}

void Loop::ear_ready(Server& server) {
  LoopPool& pool = *server.pool;
  server.login.reset();
  server.state = Server::State::active; // In no list: nobody waits for it.
  server.status = wire::TransactionStatus::idle;
  pool.ear->is_ready = true;
  std::vector<std::string> names;
  for (const auto& [name, channel] : pool.ear->channels)
    names.push_back(name);
  for (const std::string& name : names)
    ask_to_listen(pool, name);
  if (server.is_readable) put_off(server);
  call_for_server(pool);
}

/// Another try, and a better connection where the files say so.
void Loop::keep_up_ear(LoopPool& pool) {
  Ear& ear = *pool.ear;
  if (ear.server == nullptr) {
    if (!ear.channels.empty()) launch(pool, {.is_ear = true});
  } else if (pool.shared.is_dead() || pool.shared.is_outdated(ear.server->epoch)) {
    close(*ear.server, "database configuration changed", true);
  } else if (ear.channels.empty() && ear.is_ready && ear.asked.empty()) {
    close(*ear.server, "nobody listens", true);
  }
}

/// What the connection says.
void Loop::hear_channels(Server& server, std::string_view bytes) {
  Ear& ear = *server.pool->ear;
  ear.received.append(bytes);
  std::string_view rest = ear.received;
  while (const auto header = wire::header_of(rest)) {
    if (!header->is_sound() || header->message_bytes() > kMessageBytesMax) {
      close(server, "bad pkt header", false);
      return;
    }
    if (header->message_bytes() > rest.size()) break;
    const std::string_view message = rest.substr(0, header->message_bytes());
    rest.remove_prefix(message.size());
    if (header->type == wire::from_server::kNotification) {
      pass_on(*server.pool, message);
    } else if (header->type == wire::from_server::kError) {
      const auto fields = wire::error_fields_of(message.substr(wire::Header::kBytes));
      const std::string text(fields ? fields->message : std::string_view());
      close(server, text.empty() ? "bad answer of server" : text, true);
      return;
    } else if (header->type == wire::from_server::kReadyForQuery && !ear.asked.empty()) {
      const auto [name, number] = std::move(ear.asked.front());
      ear.asked.pop_front();
      const auto found = ear.channels.find(name);
      if (found == ear.channels.end() || number == 0 || found->second.asked != number) continue;
      found->second.is_heard = true;
      for (const int loop : found->second.loops)
        tell(loop, ChannelHeard{.pool = server.pool->owner, .channel = name});
    }
  }
  ear.received.erase(0, ear.received.size() - rest.size());
}

void Loop::pass_on(LoopPool& pool, std::string_view message) {
  const auto found =
      pool.ear->channels.find(wire::channel_of(message.substr(wire::Header::kBytes)));
  if (found == pool.ear->channels.end()) return;
  // Of the loops that it goes to.
  const auto shared = std::make_shared<const std::string>(message);
  const std::set<int> loops = found->second.loops; // Whoever is sent away leaves the channel.
  for (const int loop : loops) {
    if (loop == index_) {
      fan_out(pool, *shared);
      continue;
    }
    Loop& other = *shared_.loops[static_cast<std::size_t>(loop)];
    if (!other.post(Notified{.pool = pool.owner, .message = shared}))
      other.post_always(EarLost{.pool = pool.owner, .reason = std::string(kQueueFull)});
  }
}

/// It is closed already.
void Loop::ear_closed(LoopPool& pool, std::string_view reason) {
  std::set<int> loops;
  for (const auto& [name, channel] : pool.ear->channels)
    loops.insert(channel.loops.begin(), channel.loops.end());
  *pool.ear = {};
  for (const int loop : loops)
    tell(loop, EarLost{.pool = pool.owner, .reason = std::string(reason)});
}

void Loop::tell(int loop, LoopMessage message) {
  if (loop != index_) {
    shared_.loops[static_cast<std::size_t>(loop)]->post_always(std::move(message));
  } else if (const auto* heard = std::get_if<ChannelHeard>(&message)) {
    channel_heard(*heard);
  } else if (const auto* lost = std::get_if<EarLost>(&message)) {
    ear_lost(*lost);
  }
}

// The loops that have clients.

void Loop::channel_heard(const ChannelHeard& heard) {
  LoopPool& pool = part_of(heard.pool);
  const auto found = pool.channels.find(heard.channel);
  if (found == pool.channels.end()) return;
  found->second.is_heard = true;
  for (Client* client : found->second.clients) {
    Listening& own = *client->listening;
    if (own.awaited != heard.channel) continue;
    own.awaited.clear();
    send(*client, own.answer);
    put_off(*client);
  }
}

void Loop::ear_lost(const EarLost& lost) {
  LoopPool& pool = part_of(lost.pool);
  std::set<Client*> clients;
  for (const auto& [name, audience] : pool.channels)
    clients.insert(audience.clients.begin(), audience.clients.end());
  const std::string reason = lost.reason.empty() ? std::string(kLost) : lost.reason;
  for (Client* client : clients)
    disconnect(*client, reason, true, "57P01");
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

/// As a server does: between transactions, and not before the client has taken what it was sent.
void Loop::deliver(Client& client) {
  std::string& queue = client.listening->queue;
  if (queue.empty() || client.kept) return;
  const bool is_free =
      client.state == Client::State::idle || client.state == Client::State::waiting;
  const bool is_between = client.state == Client::State::active && client.exchange.is_settled() &&
                          client.server->status == wire::TransactionStatus::idle &&
                          client.server->scanner.is_between();
  if (!is_free && !is_between) return;
  send(client, queue);
  queue.clear();
}

/// What the server said of a command that was not recognised here, or ended all of them.
void Loop::note_listen_tag(Client& client, std::string_view tag) {
  const std::string_view words = tag.substr(0, tag.find('\0'));
  if (words == "LISTEN" && client.server != nullptr) client.server->is_listening = true;
  if (words == "DISCARD ALL" && client.listening) leave_all(client);
}

} // namespace pgkeep::pool
