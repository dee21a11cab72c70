/// SELECT set_config('lock_timeout', '2s', true): SET in the shape of a query. Private to src/lint.
/// A pure function.
#pragma once

#include <string>
#include <vector>

#include "postgres/sql_tree.h"

namespace pgkeep::lint {

struct SetConfig {
  std::string name; ///< In lower case.
  std::string value;
  bool is_local = false;
};

/// The calls among what a SELECT gives, those of constants alone.
std::vector<SetConfig> set_configs_of(const postgres::Node& root);

} // namespace pgkeep::lint
