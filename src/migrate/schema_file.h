/// The schema that a run left, as SQL in a file: to be read in reviews and kept with the code.
///
/// pg_dump's words without what changes from one run to the next (its own version, the server's,
/// keys of psql). Threads: any. Errors: those of pg_dump; io.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace pgkeep::migrate {

/// Written only where it differs: true. A file is whole or as it was.
base::Result<bool> write_schema_file(const std::string& target, const std::filesystem::path& path);

/// Without the lines that differ from machine to machine. Pure.
std::string lasting_part(std::string_view dump);

} // namespace pgkeep::migrate
