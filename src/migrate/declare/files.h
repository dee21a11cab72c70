/// The two files of a generated migration, from actions that ran. Private to src/migrate/declare.
/// Pure.
#pragma once

#include <string>
#include <vector>

#include "migrate/declare/action.h"
#include "migrate/declare/renames.h"
#include "migrate/declare/trial.h"

namespace pgkeep::migrate::declaring {

struct Written {
  std::vector<Rename> renames = {};
  Actions actions = {};
  std::vector<Trial::Failure> failures = {};
  std::vector<std::string> refused = {};
};

/// `questions` stand at the top.
std::string up_file(const Written& up, const std::string& wanted,
                    const std::vector<std::string>& questions);
/// The renames of the way up are undone at the end.
std::string down_file(const Written& down, const std::string& up_name, const Written& up);

} // namespace pgkeep::migrate::declaring
