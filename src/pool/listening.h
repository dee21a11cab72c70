/// LISTEN of clients that share their servers (share_listen): one connection of each pool listens
/// for all of them, and every client hears what it asked for.
///
/// The loop that first needed it has the connection; others tell it what their clients want, and it
/// tells them what is said. Where it is lost, so are notifications: the clients are sent away, as a
/// server that ends would, so that they look at what they missed. Private to src/pool; plain state
/// of one loop each. Source: PostgreSQL manual, sql-listen, libpq-notify.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace pgkeep::pool {

struct Client;
struct Server;

/// What a client that listens has beside others.
struct Listening {
  std::set<std::string, std::less<>> channels;
  std::string awaited; ///< It has been promised the answer below, once this is listened to.
  std::string answer;
  std::string queue; ///< Notifications that came while it had other business.
  /// There is nothing that it could still be told.
  [[nodiscard]] bool is_over() const {
    return channels.empty() && awaited.empty() && queue.empty();
  }
};

/// What a loop has of a pool's channels: its clients, by channel.
struct Audience {
  std::vector<Client*> clients;
  bool is_heard = false; ///< The connection that listens has begun to.
};
using Channels = std::map<std::string, Audience, std::less<>>;

/// The connection that listens, in the loop that has it.
struct Ear {
  struct Channel {
    std::set<int> loops;     ///< That have clients for it.
    std::uint64_t asked = 0; ///< The number of the LISTEN that was sent; 0: none.
    bool is_heard = false;
  };
  Server* server = nullptr;
  bool is_ready = false; ///< It is logged in.
  std::string received;  ///< A message of which a part has come.
  std::map<std::string, Channel, std::less<>> channels;
  std::deque<std::pair<std::string, std::uint64_t>> asked; ///< By channel; an UNLISTEN has none.
  std::uint64_t last_number = 0;
};

} // namespace pgkeep::pool
