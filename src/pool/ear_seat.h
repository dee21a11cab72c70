/// Which of a database's pools has the connection that listens for the clients of all of them.
///
/// Nobody has the seat at first: the pool in which somebody first says LISTEN takes it, and keeps
/// it until that connection is closed, so that a user whose logins fail does not keep others from
/// listening. Private to src/pool. Shared by the pools of one database. Threads: any; its lock is
/// taken for LISTEN alone.
#pragma once

#include <memory>
#include <mutex>

namespace pgkeep::pool {

class Pool;

class EarSeat {
public:
  /// Whoever has it; `pool` from now on if nobody has.
  std::shared_ptr<Pool> take(const std::shared_ptr<Pool>& pool);
  /// Nothing happens where another pool has it.
  void leave(const Pool& pool);

private:
  std::mutex mutex_; // guards pool_
  std::weak_ptr<Pool> pool_;
};

} // namespace pgkeep::pool
