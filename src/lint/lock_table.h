/// The lock table: for each kind of change, the relations that it locks, how strongly, and the work
/// done meanwhile. One row a kind and relation.
///
/// Every row has a case in tests/golden/locks, which lock_table_test runs on real servers and
/// compares with pg_locks, relfilenodes and row counters. Private to src/lint; constants.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

#include "lint/lock_model.h"

namespace pgkeep::lint {

/// What a locked relation is to the change.
enum class Role : std::uint8_t {
  table, ///< What the statement names; of a statement about an index, the index's table.
  index,
  referenced,  ///< The table that a foreign key points at.
  referencing, ///< Tables whose foreign keys point at it.
  parent,      ///< The partitioned table.
  partition,
  default_partition,
  user, ///< Tables with a column of the domain.
};
std::string_view name_of(Role role) noexcept; ///< "default_partition": as the cases have it.

struct Work {
  bool rewrites = false;
  bool scans = false; ///< Not said beside the other two, which read everything as well.
  bool builds_index = false;
  friend bool operator==(const Work&, const Work&) = default;
};

struct LockRow {
  std::string_view id;
  Role role = Role::table;
  LockMode mode = LockMode::none;
  Work work = {};
  /// Of the versions that do so.
  int major_first = 0;
  int major_last = std::numeric_limits<int>::max();
};

/// Sorted by nothing; rows of one id stand together.
std::span<const LockRow> lock_rows() noexcept;
/// The id of the row for a change; empty where nothing that existed before is locked.
std::string_view lock_row_of(const Change& change, const Context& context);

} // namespace pgkeep::lint
