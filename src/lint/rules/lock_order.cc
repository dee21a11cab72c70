// Transactions that lock the same relations in opposite orders.
#include <fmt/format.h>

#include "lint/families.h"
#include "lint/lock_orders.h"
#include "lint/relations.h"
#include "lint/rules/places.h"

namespace pgkeep::lint {
namespace {

using base::Json;
using findings::Area;
using findings::Severity;

void lock_order(const Subject& subject, TextSink& out) {
  const Context& context = subject.context;
  if (context.lock_orders == nullptr) return;
  for (const Effect& effect : subject.effects) {
    if (!blocks_reads(effect.mode) || !effect.is_in_use) continue;
    const auto number = context.lock_orders->known(effect.relation);
    if (!number) continue;
    for (const auto& [held, held_number] : context.locked_against_reads) {
      const auto* const opposite = context.lock_orders->find(*number, held_number);
      if (opposite == nullptr) continue;
      const auto& [path, line] = *opposite;
      out.add(subject.statement.begin,
              {.object = effect.relation.text(),
               .message = fmt::format("{} is locked after {} here, and before it at {}:{}: "
                                      "whichever order the application has, one of the two "
                                      "deadlocks with it",
                                      effect.relation.text(), held.text(), path, line),
               .evidence = Json{{"first", held.text()},
                                {"second", effect.relation.text()},
                                {"other_file", path},
                                {"other_line", line}},
               .fix = by_hand("The order in which the application uses the "
                              "tables is not in these "
                              "files. Lock them in that order everywhere, or "
                              "change one table in "
                              "one transaction.")});
      return;
    }
  }
}

constexpr TextRule kLockOrderRules[] = {
    {.card = {.id = "lock-order",
              .title = "Tables locked in opposite orders",
              .why = "Two transactions that wait for each other: the server "
                     "ends one of them.",
              .how = "One order for all transactions, or one table in each.",
              .source = "PostgreSQL manual, explicit-locking: Deadlocks",
              .severity = Severity::warning,
              .area = Area::transactions},
     .statement = lock_order,
     .is_about_migrations = true,
     .is_about_effects = true,
     .compares_lock_orders = true},
};

} // namespace

const std::span<const TextRule> lock_order_rules{kLockOrderRules};

} // namespace pgkeep::lint
