/// All that the ini file says: settings, databases, users and peers.
///
/// Threads: a plain value, immutable once read; a reload makes another. Source: PgBouncer's manual,
/// config.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pool/definitions.h"
#include "pool/file_problems.h"
#include "pool/ini.h"
#include "pool/settings.h"

namespace pgkeep::pool {

struct Configuration {
  Settings settings;
  std::vector<DatabaseDefinition> databases; ///< Of one name the last; in the order of the file.
  std::vector<UserDefinition> users;
  std::vector<PeerDefinition> peers;
  std::vector<FileProblem> problems; ///< What of its lines counts for nothing.

  /// By its own name, else "*"; null where there is neither.
  [[nodiscard]] const DatabaseDefinition* database(std::string_view name) const;
  [[nodiscard]] const UserDefinition* user(std::string_view name) const;
};

/// Of an ini file, or of [pool] in a file whose name ends with ".toml". The first mistake ends it,
/// as in PgBouncer: a pooler never runs with half of its configuration. Errors: Code::config with
/// file and line.
base::Result<Configuration> read_configuration(const std::string& path, const ReadText& read);

/// One more line of it. Errors: Code::config at the line's place.
base::Result<> add_line(Configuration& configuration, const IniLine& line);

} // namespace pgkeep::pool
