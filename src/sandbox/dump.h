/// pg_dump: finding one that is new enough, running it without a password in sight, and taking its
/// output apart. Source: PostgreSQL manual, app-pgdump, libpq-pgservice.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "postgres/conn.h"

namespace pgkeep::sandbox {

/// The schema as SQL, without pgkeep's own. Errors: unsupported, naming the package to install.
/// `options`: more of pg_dump's own.
base::Result<std::string> dump_schema(const std::string& target, const postgres::Connection& live,
                                      const std::filesystem::path& server_bin,
                                      std::span<const std::string_view> options);

/// Without what only psql understands: since 15.14 a dump stands between \restrict and \unrestrict.
std::string without_restrict(std::string_view dump);

/// In order. Texts newer than our grammar are cut at the dump's own headings.
std::vector<std::string> statements_of_dump(std::string_view dump);

} // namespace pgkeep::sandbox
