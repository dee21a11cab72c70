#include "lint/lock_orders.h"

#include <algorithm>

namespace pgkeep::lint {
namespace {

constexpr std::size_t kOrdersMax = 10'000; ///< More say nothing new.

} // namespace

void LockOrders::add(const Context& context, const Effect& effect, std::size_t offset) {
  if (!blocks_reads(effect.mode) || context.section.is_down || !context.is_in_use(effect.relation))
    return;
  for (const HeldLock& held : context.locks) {
    if (!blocks_reads(held.mode) || held.relation == effect.relation ||
        orders_.size() >= kOrdersMax || !context.is_in_use(held.relation))
      continue;
    const bool is_kept = std::ranges::any_of(orders_, [&](const LockOrder& each) {
      return each.first == held.relation && each.second == effect.relation;
    });
    if (!is_kept)
      orders_.push_back({.first = held.relation,
                         .second = effect.relation,
                         .path = context.script.path(),
                         .line = context.script.place_of(offset).line});
  }
}

} // namespace pgkeep::lint
