#include "lint/lock_model.h"

#include <array>

#include "lint/context.h"

namespace pgkeep::lint {

std::string_view name_of(LockMode mode) noexcept {
  constexpr auto names = std::to_array<std::string_view>(
      {"none", "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE",
       "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"});
  return names[static_cast<std::size_t>(mode)];
}

std::vector<Effect> effects_of(const Change& /*change*/, const Context& /*context*/) {
  return {};
}

} // namespace pgkeep::lint
