#include "pool/quotas.h"

namespace pgkeep::pool {

bool take_one(std::atomic<int>& count, std::int64_t most) {
  int now = count.load();
  do {
    if (most > 0 && now >= most) return false;
  } while (!count.compare_exchange_weak(now, now + 1));
  return true;
}

Quota& Quotas::refer(Kind kind, const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Quota>& quota = map_of(kind)[name];
  if (!quota) quota = std::make_unique<Quota>();
  ++quota->pools;
  return *quota;
}

void Quotas::leave(Kind kind, const std::string& name) {
  const std::lock_guard lock(mutex_);
  Map& map = map_of(kind);
  const auto found = map.find(name);
  if (found == map.end()) return;
  Quota& quota = *found->second;
  if (--quota.pools == 0 && quota.clients.load() == 0 && quota.servers.load() == 0)
    map.erase(found);
}

Quota* Quotas::enter(Kind kind, const std::string& name, std::int64_t most) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Quota>& quota = map_of(kind)[name];
  if (!quota) quota = std::make_unique<Quota>();
  return take_one(quota->clients, most) ? quota.get() : nullptr;
}

} // namespace pgkeep::pool
