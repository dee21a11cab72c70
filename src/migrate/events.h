/// What a run tells while it works: the same events become lines for a person and JSON for CI.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace pgkeep::migrate {

struct Event {
  /// "migration", "step", "waiting", "retry", "progress", "step-done", "migration-done", "note".
  std::string_view kind;
  std::string migration = {}; ///< Migration::label().
  int step = 0;               ///< From 1; 0 = of the migration as a whole.
  int step_count = 0;
  std::string text = {};   ///< One line for a person.
  base::Json figures = {}; ///< An object.
  double fraction = -1;    ///< Of a progress: 0 to 1; -1 = not known.
};
using Observer = std::function<void(const Event&)>;

} // namespace pgkeep::migrate
