#include "lint/lock_orders.h"

#include "lint/context.h"
#include "lint/relations.h"

namespace pgkeep::lint {
namespace {

constexpr std::size_t kOrdersMax = 10'000; ///< More say nothing new.

} // namespace

bool LockOrders::ByName::operator()(const RelationName& a, const RelationName& b) const {
  return is_same(a, b);
}

void LockOrders::add(const Context& context, const Effect& effect, std::size_t offset) {
  if (count_ >= kOrdersMax || !blocks_reads(effect.mode) || context.section.is_down ||
      !context.is_in_use(effect.relation))
    return;
  for (const HeldLock& held : context.locks) {
    if (!blocks_reads(held.mode) || is_same(held.relation, effect.relation) ||
        find(held.relation, effect.relation) != nullptr || !context.is_in_use(held.relation))
      continue;
    orders_[held.relation].emplace(
        effect.relation,
        Place{.path = context.script.path(), .line = context.script.place_of(offset).line});
    ++count_;
  }
}

const LockOrders::Place* LockOrders::find(const RelationName& first,
                                          const RelationName& second) const {
  const auto from = orders_.find(first);
  if (from == orders_.end()) return nullptr;
  const auto found = from->second.find(second);
  return found == from->second.end() ? nullptr : &found->second;
}

} // namespace pgkeep::lint
