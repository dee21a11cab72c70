#include "pool/ear_seat.h"

#include "pool/pools.h"

namespace pgkeep::pool {

std::shared_ptr<Pool> EarSeat::take(const std::shared_ptr<Pool>& pool) {
  const std::lock_guard lock(mutex_);
  if (auto holder = pool_.lock()) return holder;
  pool_ = pool;
  return pool;
}

void EarSeat::leave(const Pool& pool) {
  const std::lock_guard lock(mutex_);
  if (pool_.lock().get() == &pool) pool_.reset();
}

} // namespace pgkeep::pool
