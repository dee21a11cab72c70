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
  /// Where a transaction held the first and asked for the second, first of all; null for nowhere.
  [[nodiscard]] const Place* find(const RelationName& first, const RelationName& second) const;

private:
  struct ByName {
    std::size_t operator()(const RelationName& relation) const {
      return std::hash<std::string>()(relation.name);
    }
    bool operator()(const RelationName& a, const RelationName& b) const; ///< As is_same().
  };
  template <typename Value>
  using Map = std::unordered_map<RelationName, Value, ByName, ByName>;

  Map<Map<Place>> orders_; ///< By the first, then the second.
  std::size_t count_ = 0;
};

} // namespace pgkeep::lint
