/// What ALTER COLUMN .. TYPE makes the server do, from the old type and the new one.
///
/// Private to src/lint. Pure. Source: PostgreSQL, ATColumnChangeRequiresRewrite and
/// CheckIndexCompatible; every line was measured (tests/golden/locks/alter-type-*.sql).
#pragma once

#include <cstdint>

#include "lint/change.h"
#include "lint/context.h"

namespace pgkeep::lint {

enum class TypeWork : std::uint8_t {
  nothing,
  checks,  ///< CHECK constraints are verified again: every row is read.
  reindex, ///< The rows stay; indexes of the column are built again.
  rewrite,
};

struct TypeChange {
  TypeWork work = TypeWork::rewrite;
  bool is_known = false; ///< The old type is; else a rewrite is assumed.
  TypeText from = {};
  TypeText to = {};
  const TableState* table = nullptr;
};

/// Of a change alter_column_type.
TypeChange type_change_of(const Change& change, const Context& context);

/// Whether the session's time zone is known to be UTC there.
bool is_utc(const Context& context);

} // namespace pgkeep::lint
