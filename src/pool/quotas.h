/// How many connections a database, a user and the whole pooler may have, beyond the size of each
/// pool: counters that all loops share.
///
/// A place is taken before a connection is opened, and given back when it is closed, with one
/// atomic operation each; no lock is taken for it. A connection that listens goes before those who
/// wait for a server: where a quota is full it overdraws that by one, so that nobody else gets the
/// place that becomes free next. Private to src/pool. Threads: a Quota any, at
/// any time; Quotas any. Source: PgBouncer's manual, config (max_db_connections,
/// max_user_connections and the same of clients); max_server_connections is ours.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

namespace pgkeep::pool {

/// What is counted of one database, one user, or all.
struct Quota {
  std::atomic<int> servers{0};
  std::atomic<int> clients{0};
  std::atomic<bool> is_wanted{false};    ///< Somebody found it full: tell all when a place is free.
  std::atomic<bool> is_overdrawn{false}; ///< By one PriorPlace: what is free next is for it.
  int pools = 0;                         ///< That refer to it. Guarded by the mutex of Quotas.
};

/// One more, if fewer than `most` are there. 0: there is no limit.
bool take_one(std::atomic<int>& count, std::int64_t most);

/// A place in several quotas, taken in their order: who waits for one of them holds those before
/// it, so that two never wait for each other.
class PriorPlace {
public:
  struct Bound {
    Quota* quota = nullptr;
    std::int64_t most = 0; ///< 0: there is no limit.
  };
  /// Goes on with it. None: the place is taken; else which one is full.
  std::optional<std::size_t> take(std::span<const Bound> bounds);
  /// What was taken of it, if anything. True: somebody waits for that.
  bool give_back(std::span<const Bound> bounds);

private:
  std::size_t held_ = 0;
  bool overdraws_ = false; ///< The last one that is held.
};

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
