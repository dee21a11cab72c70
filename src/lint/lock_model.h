/// What a change locks and how much work it does meanwhile, from a table of measurements
/// (lock_table.cc), never from memory: tests/golden/locks runs every row on real servers.
///
/// Private to src/lint. Pure; any thread. Source of the names: PostgreSQL manual, explicit-locking.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lint/change.h"
#include "lint/relation_name.h"

namespace pgkeep::lint {

struct Context;

/// From the weakest to the strongest.
enum class LockMode : std::uint8_t {
  none,
  access_share,
  row_share,
  row_exclusive,
  share_update_exclusive,
  share,
  share_row_exclusive,
  exclusive,
  access_exclusive,
};
std::string_view name_of(LockMode mode) noexcept; ///< "ACCESS EXCLUSIVE".
/// Whether plain INSERT, UPDATE and DELETE wait for it.
constexpr bool blocks_writes(LockMode mode) {
  return mode >= LockMode::share;
}
/// Whether plain SELECT waits for it.
constexpr bool blocks_reads(LockMode mode) {
  return mode == LockMode::access_exclusive;
}

struct Effect {
  RelationName relation;
  LockMode mode = LockMode::none;
  bool rewrites = false;     ///< The whole table is written anew.
  bool scans = false;        ///< Every row is read.
  bool builds_index = false; ///< An index is built.
  bool is_in_use = false;    ///< The relation: Context::is_in_use(), where statements are judged.
  std::string_view row = {}; ///< Of the lock table: "add-column-volatile-default".
  [[nodiscard]] bool works() const { return rewrites || scans || builds_index; }
};

/// Empty for what locks nothing that existed before.
std::vector<Effect> effects_of(const Change& change, const Context& context);
/// Adds the same where the row is known: lock_row_of() of lock_table.h.
void add_effects_of(const Change& change, std::string_view row, const Context& context,
                    std::vector<Effect>& effects);

} // namespace pgkeep::lint
