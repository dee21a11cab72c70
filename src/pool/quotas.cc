#include "pool/quotas.h"

namespace pgkeep::pool {

bool take_one(std::atomic<int>& count, std::int64_t most) {
  int now = count.load();
  do {
    if (most > 0 && now >= most) return false;
  } while (!count.compare_exchange_weak(now, now + 1));
  return true;
}

std::optional<std::size_t> PriorPlace::take(std::span<const Bound> bounds) {
  while (true) {
    if (overdraws_) {
      const Bound& last = bounds[held_ - 1];
      last.quota->is_wanted.store(true); // Before the look: else what is given now is missed.
      if (last.most > 0 && last.quota->servers.load() > last.most) return held_ - 1;
      last.quota->is_overdrawn.store(false);
      overdraws_ = false;
    }
    if (held_ == bounds.size()) return std::nullopt;
    const Bound& next = bounds[held_];
    if (!take_one(next.quota->servers, next.most)) {
      next.quota->is_wanted.store(true);
      if (next.quota->is_overdrawn.exchange(true)) return held_; // By another one.
      next.quota->servers.fetch_add(1);
      overdraws_ = true;
    }
    ++held_;
  }
}

bool PriorPlace::give_back(std::span<const Bound> bounds) {
  bool is_wanted = false;
  if (overdraws_) bounds[held_ - 1].quota->is_overdrawn.store(false);
  for (; held_ > 0; --held_) {
    Quota& quota = *bounds[held_ - 1].quota;
    quota.servers.fetch_sub(1);
    if (quota.is_wanted.load()) is_wanted = quota.is_wanted.exchange(false) || is_wanted;
  }
  overdraws_ = false;
  return is_wanted;
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
