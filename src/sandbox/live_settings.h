/// What beside statistics decides the plans of a live database: the planner's settings, also those
/// of roles, and how its texts are sorted.
///
/// Threads: plain functions. Errors: of the connections.
/// Source: PostgreSQL manual, runtime-config-query, runtime-config-resource; catalog pg-database,
/// pg-db-role-setting.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "postgres/conn.h"
#include "sandbox/sandbox.h"

namespace pgkeep::sandbox {

struct LiveSetting {
  std::string name;
  std::string value;
  std::string role = {}; ///< Empty: the database's.
};
/// How a database writes and sorts.
struct LiveLocale {
  std::string encoding = {};
  std::string collate = {};
  std::string ctype = {};
  std::string provider = {}; ///< "c", "i" (ICU), "b" (builtin, from 17 on).
  std::string locale = {};   ///< Of the provider; empty for "c".
};
struct LiveSettings {
  std::vector<LiveSetting> settings = {};
  LiveLocale locale = {};
};
base::Result<LiveSettings> read_settings(postgres::Connection& live);

/// With the live encoding and order of texts; else with ours and a note, for the locale may be
/// missing here.
base::Result<std::optional<std::string>>
create_database_like(Sandbox& server, const std::string& database, const LiveSettings& live);
/// ALTER DATABASE and ALTER ROLE; roles that are not here are left out. Returns a note a setting
/// that this server does not take.
base::Result<std::vector<std::string>>
write_settings(const Sandbox& server, const std::string& database, const LiveSettings& live);

} // namespace pgkeep::sandbox
