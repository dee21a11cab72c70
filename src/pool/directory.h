/// Everything that a pooler was told by its files, read once: settings, databases, who may come in.
///
/// Threads: immutable once read, so any may look; a reload makes another one. Source: PgBouncer's
/// manual, config.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "pool/configuration.h"
#include "pool/hba.h"
#include "pool/parameters.h"

namespace pgkeep::pool {

struct Directory {
  Configuration configuration;
  std::map<std::string, base::Secret, std::less<>> users; ///< Of auth_file: what it stores of each.
  HbaRules hba;
  TrackedNames tracked;
  std::set<std::string, std::less<>> ignored_parameters; ///< ignore_startup_parameters.
  /// Of verifiers for users that do not exist: the same while the process lives.
  base::Secret mock_secret;

  [[nodiscard]] const Settings& settings() const { return configuration.settings; }
};

/// Errors: Code::config with file and line; Code::unsupported for what is not built yet.
base::Result<Directory> read_directory(const std::string& path, const ReadText& read);

/// The first thing that the configuration asks for and that is not built yet: its key is named.
std::optional<base::Error> not_built_of(const Configuration& configuration);

} // namespace pgkeep::pool
