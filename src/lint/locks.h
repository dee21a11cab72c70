/// What each statement of a script locks, by the measured lock model: what a runner must know
/// before it runs them.
///
/// Threads: pure functions.
#pragma once

#include <cstddef>
#include <vector>

#include "catalog/snapshot.h"
#include "lint/lock_model.h"
#include "lint/script.h"

namespace pgkeep::lint {

struct StatementLocks {
  const Statement* statement = nullptr; ///< At the top of the text: not inside of a body.
  /// On relations that existed before the section, those of DO blocks among them; tables that the
  /// section itself creates are nobody's but its own.
  std::vector<Effect> effects;
  /// A statement, or one inside its block, was not understood: it may lock anything.
  bool is_unknown = false;
};

/// database: null where nothing is known but the text.
std::vector<StatementLocks> locks_of(const Script& script, const Section& section,
                                     const catalog::Snapshot* database, int server_major);

} // namespace pgkeep::lint
