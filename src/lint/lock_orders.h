/// In which order the transactions of the judged files lock relations against reads. Private to
/// src/lint. One thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lint/context.h"

namespace pgkeep::lint {

class LockOrders {
public:
  /// A statement that begins at `offset` locks; the context holds what its transaction locked
  /// before. Ways down are not counted: they run when something else has failed.
  void add(const Context& context, const Effect& effect, std::size_t offset);
  /// Each order once.
  [[nodiscard]] std::span<const LockOrder> all() const { return orders_; }

private:
  std::vector<LockOrder> orders_;
};

} // namespace pgkeep::lint
