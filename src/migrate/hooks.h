/// Files that run around migrations: `afterMigrate.sql`, `beforeEachMigrate__locks.sql`. Flyway's
/// names for its SQL callbacks, at the same moments.
///
/// They are not in the history and run each time, so they must be able to run again. Threads: any;
/// pure functions. Source: Flyway's documentation, Callback Events.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "migrate/source.h"
#include "migrate/steps.h"

namespace pgkeep::migrate {

enum class Moment : std::uint8_t {
  before_migrate,        ///< Once, before `up` runs anything; also where nothing is pending.
  before_each_migrate,   ///< Before each migration, also where it goes on behind a step.
  after_each_migrate,    ///< Behind its last step; it counts as applied when this is done.
  after_migrate,         ///< Once, when `up` has come to its end.
  after_migrate_applied, ///< The same, where it has applied something.
  after_migrate_error,   ///< Once, when `up` has failed.
  before_undo,           ///< As those of `up`, for `down`.
  before_each_undo,
  after_each_undo,
  after_undo,
  after_undo_error,
};
std::string_view name_of(Moment moment) noexcept;

struct Hook {
  Moment moment = Moment::before_migrate;
  Source source;
};

/// What the name of a file says: nothing for a file that is no hook. Errors: Code::config for a
/// callback of Flyway at a moment that does not exist here.
base::Result<std::optional<Moment>> moment_of(std::string_view file_name);

/// Those of one moment, in the order of their names.
std::vector<const Hook*> hooks_at(std::span<const Hook> hooks, Moment moment);

/// Its steps. Errors: those of steps_of(); config for batches and shadow tables, which need the
/// history to go on.
base::Result<std::vector<Step>> steps_of_hook(const Hook& hook, int server_major);

} // namespace pgkeep::migrate
