/// The pooler's configuration in pgkeep's own form: [pool] has the settings of PgBouncer's section
/// [pgbouncer] under the same names, [pool.databases.NAME], [pool.users.NAME] and [pool.peers.N]
/// what stands behind a name there. Durations have units ("15s"), switches are true or false.
///
/// Threads: pure functions. Source: PgBouncer's manual, config, for what the keys mean.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/config.h"
#include "base/result.h"
#include "pool/configuration.h"
#include "pool/file_problems.h"

namespace pgkeep::pool {

/// For whoever reads a whole pgkeep.toml. Lives as long as the process.
std::span<const base::Key> configuration_keys();

/// Of a file's text; other sections than [pool] are not looked at. Errors: Code::config with
/// file:line:column.
base::Result<Configuration> configuration_in_toml(std::string_view text, const std::string& path);

/// What of it has no place in the toml: conffile, for what is read again is the file of the start.
/// Errors: those of read_ini().
base::Result<std::vector<FileProblem>> lost_in_toml(const std::string& path, const ReadText& read);
/// What an ini file says, as toml that says the same, in its order; comments are lost. Errors:
/// those of read_configuration(); Code::config where a line is not in UTF-8.
base::Result<std::string> toml_of_ini(const std::string& path, const ReadText& read);

} // namespace pgkeep::pool
