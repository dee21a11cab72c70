/// What one loop has at one moment: what the console shows is put together from all of them.
///
/// Private to src/pool. Threads: made by the loop, then another thread's as a whole. It keeps the
/// Pools alive that it names.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pool/connection.h"
#include "pool/pools.h"
#include "pool/statistics.h"

namespace pgkeep::pool {

struct PoolCensus {
  std::shared_ptr<const Pool> pool = {};
  int clients = 0; ///< Without those that wait.
  int clients_waiting = 0;
  int cancels_active = 0;  ///< Requests that are under way to a server.
  int cancels_waiting = 0; ///< Their connections do not stand yet.
  int servers_active = 0;
  int servers_being_canceled = 0;
  int servers_idle = 0;
  int servers_used = 0; ///< Idle for so long that they are to be checked first.
  int servers_tested = 0;
  int servers_login = 0;
  int servers_outdated = 0; ///< To be closed as soon as nobody works with them.
  Micros waiting_since = 0; ///< The one who has waited longest; 0: nobody.
  Traffic traffic = {};
  Durations durations = {};
  Extras extras = {};
  int clients_pinned = 0; ///< That keep their server beyond a transaction.
  std::array<int, wire::kHoldNames.size()> clients_holding{}; ///< Each thing.
  int clients_listening = 0;                                  ///< By whichever pool's connection.
  int servers_listening = 0;                                  ///< Which is counted nowhere else.

  void add(const PoolCensus& other);
  [[nodiscard]] int servers() const {
    return servers_active + servers_being_canceled + servers_idle + servers_used + servers_tested +
           servers_login + servers_listening;
  }
};

/// The state of one that clients come to.
inline constexpr std::string_view kPoolerSocket = "pooler";

struct SocketCensus {
  bool is_server = false;
  bool is_logged_in = false; ///< A client that has proved to be `user`.
  std::string user = {};
  std::string database = {};
  std::string_view state = {}; ///< A literal: "active", "idle", "waiting", "login", "used", ...
  std::string address = {};
  std::uint16_t port = 0;
  std::string local_address = {};
  std::uint16_t local_port = 0;
  Micros connected_at = 0;
  Micros request_at = 0;
  Micros waits = 0;
  bool is_outdated = false;
  std::uintptr_t self = 0;
  std::uintptr_t link = 0;
  std::int64_t process = 0;
  std::string tls = {};
  std::string_view replication = "none"; ///< A literal.
  std::string application_name = {};
  std::size_t statements = 0;
  wire::Holds held = 0; ///< A client's, or the one's that a server works for.
  std::uint64_t id = 0;
  bool is_busy = false; ///< Bytes are kept for it.
  int fd = -1;
  int link_fd = -1;
  std::array<std::string, 4> parameters =
      {}; ///< client_encoding, std_strings, DateStyle, TimeZone.
};

/// Cancel requests for clients of a peer.
struct PeerCensus {
  std::int64_t id = 0;
  int waiting = 0;
  int login = 0; ///< On connections that do not stand yet.
  int active = 0;
};

struct Census {
  std::vector<PoolCensus> pools;
  std::vector<SocketCensus> sockets; ///< If they were asked for.
  std::vector<PeerCensus> peers;     ///< Each is in one loop only.
  Traffic console;
  int logins = 0;
  int restless = 0; ///< What has something half-way: see SUSPEND.
  bool has_killed = false;
};

/// What to tell of. Answered by Counted.
struct CountWish {
  std::uint64_t ticket = 0;
  bool with_sockets = false;
  std::uint64_t kill_client = 0; ///< Its id; 0: nobody.
};
struct Counted {
  std::uint64_t ticket = 0;
  std::unique_ptr<Census> census;
};

} // namespace pgkeep::pool
