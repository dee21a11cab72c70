/// The rules there are, and those that somebody asked for. Private to src/lint. Thread-safety: rows
/// and a made list are constants.
#pragma once

#include <span>
#include <vector>

#include "lint/lint.h"
#include "lint/text_rule.h"

namespace pgkeep::lint {

/// A rule that was asked for, and the card to show: its own, or that of the judge who owns the id.
struct Chosen {
  const TextRule* rule = nullptr;
  const findings::Rule* card = nullptr;
};

/// In the order of the families. Errors: Code::usage for an unknown rule in `only` or `skip`.
base::Result<std::vector<Chosen>> chosen_rules(const Options& options);

} // namespace pgkeep::lint
