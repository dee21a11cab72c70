#include "lint/lock_orders.h"

#include "lint/context.h"

namespace pgkeep::lint {
namespace {

constexpr std::size_t kOrdersMax = 10'000; ///< More say nothing new.

} // namespace

void LockOrders::add(const Context& context, const Effect& effect, std::size_t offset) {
  if (count_ >= kOrdersMax || !blocks_reads(effect.mode) || context.section.is_down ||
      !context.is_in_use(effect.relation))
    return;
  for (const RelationName& held : context.locked_against_reads) {
    if (is_same(held, effect.relation)) continue;
    const Map<Place>* const known = after(held);
    if ((known != nullptr && known->contains(effect.relation)) || !context.is_in_use(held))
      continue;
    orders_[held].emplace(effect.relation, Place{.path = context.script.path(),
                                                 .line = context.script.place_of(offset).line});
    ++count_;
  }
}

const LockOrders::Map<LockOrders::Place>* LockOrders::after(const RelationName& first) const {
  const auto found = orders_.find(first);
  return found == orders_.end() ? nullptr : &found->second;
}

} // namespace pgkeep::lint
