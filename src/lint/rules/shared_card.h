/// The card of a rule that the audit judges too: title, why and how are the audit's, by its id.
/// Private to src/lint/rules.
#pragma once

#include <string_view>

#include "findings/rule.h"

namespace pgkeep::lint {

constexpr findings::Rule shared_card(std::string_view id) {
  return {.id = id, .title = {}, .why = {}, .how = {}, .source = {}};
}

} // namespace pgkeep::lint
