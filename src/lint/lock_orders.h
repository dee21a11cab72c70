/// In which order the transactions of the judged files lock relations against reads. Private to
/// src/lint. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
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

  /// The same for the same relation, whether or not "public" is said.
  using Number = std::uint32_t;
  Number number_of(const RelationName& relation);
  /// None where no transaction locked it.
  [[nodiscard]] std::optional<Number> known(const RelationName& relation) const;

  /// A statement that begins at `offset` locks; the context holds what its transaction locked
  /// before. Ways down are not counted: they run when something else has failed.
  void add(const Context& context, const Effect& effect, Number relation, std::size_t offset);
  /// Where a transaction held the first and asked for the second, first of all; null where none
  /// did.
  [[nodiscard]] const Place* find(Number first, Number second) const;

private:
  static std::uint64_t key_of(Number first, Number second) {
    return std::uint64_t{first} << 32U | second;
  }

  std::unordered_map<RelationName, Number, BySameName, BySameName> numbers_;
  std::unordered_map<std::uint64_t, Place> orders_; ///< By both numbers.
};

} // namespace pgkeep::lint
