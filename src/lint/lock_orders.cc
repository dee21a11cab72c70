#include "lint/lock_orders.h"

#include "lint/context.h"

namespace pgkeep::lint {
namespace {

constexpr std::size_t kOrdersMax = 10'000; ///< More say nothing new.

} // namespace

LockOrders::Number LockOrders::number_of(const RelationName& relation) {
  return numbers_.try_emplace(relation, static_cast<Number>(numbers_.size())).first->second;
}

std::optional<LockOrders::Number> LockOrders::known(const RelationName& relation) const {
  const auto found = numbers_.find(relation);
  return found == numbers_.end() ? std::nullopt : std::optional(found->second);
}

void LockOrders::add(const Context& context, const Effect& effect, Number relation,
                     std::size_t offset) {
  if (orders_.size() >= kOrdersMax || context.section.is_down || !effect.is_in_use) return;
  for (const LockedRelation& held : context.locked_against_reads) {
    if (held.number == relation || find(held.number, relation) != nullptr ||
        !context.is_in_use(held.relation))
      continue;
    orders_.emplace(
        key_of(held.number, relation),
        Place{.path = context.script.path(), .line = context.script.place_of(offset).line});
  }
}

const LockOrders::Place* LockOrders::find(Number first, Number second) const {
  const auto found = orders_.find(key_of(first, second));
  return found == orders_.end() ? nullptr : &found->second;
}

} // namespace pgkeep::lint
