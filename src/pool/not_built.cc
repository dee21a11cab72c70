// What of PgBouncer's configuration is not built yet: asked for, it is refused, so that nobody
// believes to have what he has not. Each row goes when its capability comes.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "pool/directory.h"

namespace pgkeep::pool {
namespace {

/// Settings that must have their default values.
constexpr std::array<std::string_view, 19> kMustBeDefault = {
    "application_name_add_host",
    "auth_dbname",
    "auth_ldap_options",
    "auth_user",
    "disable_pqexec",
    "login_notify_message",
    "max_db_client_connections",
    "max_db_connections",
    "max_user_client_connections",
    "max_user_connections",
    "min_pool_size",
    "peer_id",
    "pool_idle_timeout",
    "reserve_pool_size",
    "resolv_conf",
    "server_fast_close",
    "syslog",
    "unix_socket_group",
    "user",
};

base::Error not_built(std::string_view what) {
  return {.code = base::Code::unsupported,
          .what = fmt::format("{} is not built yet", what),
          .hint = "Take it out of the file to run without it."};
}

std::optional<base::Error> of_settings(const Settings& settings) {
  const Settings fallback;
  for (const std::string_view name : kMustBeDefault) {
    const SettingRow* row = find_setting(name);
    if (row != nullptr && shown(settings, *row) != shown(fallback, *row))
      return not_built(fmt::format("{} = {}", name, shown(settings, *row)));
  }
  switch (settings.auth_type) {
  case AuthType::pam:
  case AuthType::ldap:
    return not_built(fmt::format("auth_type = {}", name_of(settings.auth_type)));
  default:
    break;
  }
  return std::nullopt;
}

std::optional<std::string_view> of_overrides(const Overrides& own) {
  if (own.min_pool_size.value_or(0) > 0) return "min_pool_size";
  if (own.reserve_pool_size.value_or(0) > 0) return "reserve_pool";
  if (own.max_connections.value_or(0) > 0) return "max_db_connections or max_user_connections";
  if (own.max_client_connections.value_or(0) > 0)
    return "max_db_client_connections or max_user_client_connections";
  return std::nullopt;
}

std::optional<std::string_view> of_database(const DatabaseDefinition& database) {
  if (database.auth_user) return "auth_user";
  if (database.auth_query) return "auth_query";
  if (database.auth_dbname) return "auth_dbname";
  if (database.target_session_attrs != SessionAttributes::any) return "target_session_attrs";
  return of_overrides(database.own);
}

} // namespace

std::optional<base::Error> not_built_of(const Configuration& configuration) {
  if (auto missing = of_settings(configuration.settings)) return missing;
  for (const DatabaseDefinition& database : configuration.databases) {
    if (const auto missing = of_database(database))
      return not_built(fmt::format("{} of database {}", *missing, database.name));
  }
  for (const UserDefinition& user : configuration.users) {
    if (const auto missing = of_overrides(user.own))
      return not_built(fmt::format("{} of user {}", *missing, user.name));
  }
  if (!configuration.peers.empty()) return not_built("section [peers]");
  return std::nullopt;
}

} // namespace pgkeep::pool
