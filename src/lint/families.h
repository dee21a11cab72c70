/// The one list of families: each file of rules/ defines one span. Private to this folder.
#pragma once

#include <span>

#include "lint/text_rule.h"

namespace pgkeep::lint {

extern const std::span<const TextRule> syntax_rules;

} // namespace pgkeep::lint
