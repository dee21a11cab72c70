/// LISTEN of clients that share their servers (share_listen): one connection listens for all that
/// use a database, and every client hears what it asked for.
///
/// One of the database's pools has it (see EarSeat), in the loop that first needed it there; others
/// tell that loop what their clients want, and it tells them what is said. Where it is lost, so are
/// notifications: the clients are sent away, as a server that ends would, so that they look at what
/// they missed. Where it never came to be, those of its pool are told why, and the others try it
/// with their own. Private to src/pool; plain state of one loop each. Source: PostgreSQL manual,
/// sql-listen, libpq-notify.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pool/quotas.h"

namespace pgkeep::pool {

struct Client;
struct LoopPool;
struct Server;

/// Why a client that reads none of its notifications goes, and a connection for a loop that takes
/// none.
inline constexpr std::string_view kQueueFull =
    "too many notifications that nobody reads (listen_queue_size)";

/// What a client that listens has beside others.
struct Listening {
  std::set<std::string, std::less<>> channels;
  LoopPool* pool = nullptr; ///< Whose connection listens to them; null: there are none.
  std::string awaited;      ///< It has been promised the answer below, once this is listened to.
  std::string answer;
  std::int64_t awaited_since = 0; ///< In microseconds, as everything of a loop.
  std::string queue;              ///< Notifications that came while it had other business.
  bool says_unlisten_all = false; ///< Somewhere in what is under way: a server's tag counts.
  /// There is nothing that it could still be told.
  [[nodiscard]] bool is_over() const {
    return channels.empty() && awaited.empty() && queue.empty();
  }
};

/// What a loop has of the channels of a pool's connection: its clients, by channel.
struct Audience {
  std::vector<Client*> clients;
  std::uint64_t wish = 0; ///< Its number: an answer to an earlier one says nothing any more.
  bool is_heard = false;  ///< The connection that listens has begun to.
};
using Channels = std::map<std::string, Audience, std::less<>>;

/// The connection that listens, in the loop that has it.
struct Ear {
  struct Channel {
    std::map<int, std::uint64_t> wishes; ///< Their numbers, of loops that have clients for it.
    std::uint64_t asked = 0;             ///< The number of the LISTEN that was sent; 0: none.
    bool is_heard = false;
  };
  Server* server = nullptr; ///< Null: it waits for a place, or for the end of a PAUSE.
  PriorPlace place;
  bool is_ready = false;          ///< It is logged in.
  std::int64_t next_eviction = 0; ///< Not before is another server looked for that could give way.
  std::string received;           ///< A message of which a part has come.
  std::map<std::string, Channel, std::less<>> channels;
  std::deque<std::pair<std::string, std::uint64_t>> asked; ///< By channel; an UNLISTEN has none.
  std::uint64_t last_number = 0;
};

} // namespace pgkeep::pool
