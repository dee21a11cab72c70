/// How many connections a database, a user and the whole pooler may have, beyond the size of each
/// pool: counters that all loops share.
///
/// A place is taken before a connection is opened, and given back when it is closed, with one
/// atomic operation each; no lock is taken for it. Private to src/pool. Threads: a Quota any, at
/// any time; Quotas any. Source: PgBouncer's manual, config (max_db_connections,
/// max_user_connections and the same of clients); max_server_connections is ours.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace pgkeep::pool {

/// What is counted of one database, one user, or all.
struct Quota {
  std::atomic<int> servers{0};
  std::atomic<int> clients{0};
  std::atomic<bool> is_wanted{false}; ///< Somebody found it full: tell all when a place is free.
  int pools = 0;                      ///< That refer to it. Guarded by the mutex of Quotas.
};

/// One more, if fewer than `most` are there. 0: there is no limit.
bool take_one(std::atomic<int>& count, std::int64_t most);

class Quotas {
public:
  enum class Kind : std::uint8_t { database, user };

  /// Of a pool, for as long as it lives.
  Quota& refer(Kind kind, const std::string& name);
  void leave(Kind kind, const std::string& name);
  /// One more client; null where there are `most` already.
  Quota* enter(Kind kind, const std::string& name, std::int64_t most);

private:
  using Map = std::map<std::string, std::unique_ptr<Quota>>;
  Map& map_of(Kind kind) { return kind == Kind::database ? databases_ : users_; }

  std::mutex mutex_; // guards the maps, and Quota::pools
  Map databases_;
  Map users_;
};

} // namespace pgkeep::pool
