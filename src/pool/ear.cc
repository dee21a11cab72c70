// The connection of a database that listens for all clients: what the loop does that has it. What
// clients say and hear of it: listening.cc.
#include "pool/listening.h"
#include "pool/loop.h"
#include "wire/bytes.h"
#include "wire/error_fields.h"
#include "wire/listen.h"

namespace pgkeep::pool {
namespace {

constexpr std::size_t kMessageBytesMax = 65'536;

} // namespace

void Loop::take_wish(const WantedChannel& wanted) {
  LoopPool& pool = part_of(wanted.pool);
  if (wanted.wish == 0) {
    drop_wish(pool, wanted);
    return;
  }
  // It may have given the seat up while the wish was under way.
  if (pool.shared.ear_seat().take(wanted.pool) != wanted.pool) {
    shared_.loops[static_cast<std::size_t>(wanted.loop)]->post_always(
        EarLost{.pool = wanted.pool, .cause = EarLost::Cause::moved});
    return;
  }
  if (!pool.ear) pool.ear = std::make_unique<Ear>();
  Ear::Channel& channel = pool.ear->channels[wanted.channel];
  channel.wishes[wanted.loop] = wanted.wish;
  if (channel.is_heard) {
    tell_heard(pool, wanted.loop, wanted.channel, wanted.wish);
  } else if (!pool.ear->is_ready) {
    call_for_ear(pool);
  } else if (channel.asked == 0) {
    ask_to_listen(pool, wanted.channel);
  }
}

void Loop::drop_wish(LoopPool& pool, const WantedChannel& unwanted) {
  if (!pool.ear) return;
  Ear& ear = *pool.ear;
  const auto found = ear.channels.find(unwanted.channel);
  if (found == ear.channels.end()) return;
  found->second.wishes.erase(unwanted.loop);
  if (!found->second.wishes.empty()) return;
  ear.channels.erase(found);
  if (!ear.is_ready) return;
  std::string question;
  wire::append_query(question, wire::listen_sql(false, unwanted.channel));
  ear.asked.emplace_back(std::string(), 0);
  send(*ear.server, question);
}

/// Opens the connection, if it is wanted and has a place. Where the last try has just failed, those
/// who want it are told so: others have pools of their own.
void Loop::call_for_ear(LoopPool& pool) {
  const Ear& ear = *pool.ear;
  if (ear.server != nullptr || ear.channels.empty()) return;
  if (may_connect(pool)) {
    if (take_place_of_ear(pool)) open(pool, {.is_ear = true});
  } else if (pool.starting.empty() && !pool.is_paused && !pool.shared.is_dead()) {
    give_up_ear(pool, EarLost::Cause::failed, pool.shared.connect_problem());
  }
}

void Loop::ask_to_listen(LoopPool& pool, const std::string& channel) {
  Ear& ear = *pool.ear;
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

/// Nobody wants it any more, or it is not what the files say now. What waits is called for by
/// call_for_server().
void Loop::keep_up_ear(LoopPool& pool) {
  Ear& ear = *pool.ear;
  if (ear.server == nullptr) {
    if (ear.channels.empty()) {
      give_up_ear(pool, EarLost::Cause::moved, {});
      pool.ear.reset();
    } else if (pool.is_paused && pool.shared.give_place(ear.place)) { // Others may need it now.
      tell_place_is_free();
    }
  } else if (ear.is_ready &&
             (pool.shared.is_dead() || pool.shared.is_outdated(ear.server->epoch))) {
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
      if (refuse_channel(*server.pool, message.substr(wire::Header::kBytes))) continue;
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
      for (const auto& [loop, wish] : found->second.wishes)
        tell_heard(*server.pool, loop, name, wish);
    }
  }
  ear.received.erase(0, ear.received.size() - rest.size());
}

/// An error that ends nothing is the answer to what was asked first: whoever waits for that is
/// told. False: it is another.
bool Loop::refuse_channel(LoopPool& pool, std::string_view error) {
  Ear& ear = *pool.ear;
  const auto fields = wire::error_fields_of(error);
  if (!fields || fields->severity != "ERROR" || ear.asked.empty()) return false;
  const auto& [name, number] = ear.asked.front();
  const auto found = ear.channels.find(name);
  if (found == ear.channels.end() || number == 0 || found->second.asked != number) return true;
  for (const auto& [loop, wish] : found->second.wishes)
    shared_.loops[static_cast<std::size_t>(loop)]->post_always(ChannelRefused{
        .pool = pool.owner, .channel = name, .wish = wish, .error = std::string(error)});
  ear.channels.erase(found);
  return true;
}

void Loop::pass_on(LoopPool& pool, std::string_view message) {
  const auto found =
      pool.ear->channels.find(wire::channel_of(message.substr(wire::Header::kBytes)));
  if (found == pool.ear->channels.end()) return;
  // Of the loops that it goes to.
  const auto shared = std::make_shared<const std::string>(message);
  const auto wishes = found->second.wishes; // Whoever is sent away leaves the channel.
  for (const auto& [loop, wish] : wishes) {
    if (loop == index_) {
      fan_out(pool, *shared);
      continue;
    }
    Loop& other = *shared_.loops[static_cast<std::size_t>(loop)];
    if (!other.post(Notified{.pool = pool.owner, .message = shared}))
      other.post_always(EarLost{
          .pool = pool.owner, .cause = EarLost::Cause::lost, .reason = std::string(kQueueFull)});
  }
}

/// It is closed already.
void Loop::ear_closed(LoopPool& pool, std::string_view reason) {
  Ear& ear = *pool.ear;
  ear.server = nullptr;
  const bool is_only_paused = !ear.is_ready && pool.is_paused; // It is tried again by RESUME.
  if (!is_only_paused) {
    give_up_ear(pool, ear.is_ready ? EarLost::Cause::lost : EarLost::Cause::failed, reason);
  } else if (pool.shared.give_place(ear.place)) {
    tell_place_is_free();
  }
}

/// There is no connection (any more), and others may have one. Told by mail to this loop, too: the
/// caller may be in the midst of a client's LISTEN.
void Loop::give_up_ear(LoopPool& pool, EarLost::Cause cause, std::string_view reason) {
  std::set<int> loops;
  for (const auto& [name, channel] : pool.ear->channels) {
    for (const auto& [loop, wish] : channel.wishes)
      loops.insert(loop);
  }
  if (pool.shared.give_place(pool.ear->place)) tell_place_is_free();
  pool.shared.ear_seat().leave(pool.shared);
  *pool.ear = {};
  for (const int loop : loops)
    shared_.loops[static_cast<std::size_t>(loop)]->post_always(
        EarLost{.pool = pool.owner, .cause = cause, .reason = std::string(reason)});
}

void Loop::tell_heard(LoopPool& pool, int loop, const std::string& channel, std::uint64_t wish) {
  const ChannelHeard heard{.pool = pool.owner, .channel = channel, .wish = wish};
  if (loop == index_) {
    channel_heard(heard);
  } else {
    shared_.loops[static_cast<std::size_t>(loop)]->post_always(heard);
  }
}

} // namespace pgkeep::pool
