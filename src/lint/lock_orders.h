/// In which order the transactions of the judged files lock relations against reads. Private to
/// src/lint. One thread.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "lint/relation_name.h"

namespace pgkeep::lint {

struct Context;
struct Effect;

class LockOrders {
public:
  struct Place {
    std::string path; ///< Of the statement that asked for the second.
    int line = 0;
  };

  /// A statement that begins at `offset` locks; the context holds what its transaction locked
  /// before. Ways down are not counted: they run when something else has failed.
  void add(const Context& context, const Effect& effect, std::size_t offset);

  template <typename Value>
  using Map = std::unordered_map<RelationName, Value, BySameName, BySameName>;
  /// Where a transaction held the first and asked for another, first of all, by the other; null
  /// where none did.
  [[nodiscard]] const Map<Place>* after(const RelationName& first) const;

private:
  Map<Map<Place>> orders_; ///< By the first, then the second.
  std::size_t count_ = 0;
};

} // namespace pgkeep::lint
