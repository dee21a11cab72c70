#include "pool/check.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "pool/directory.h"

namespace pgkeep::pool {
namespace {

constexpr mode_t kOthersRead = S_IROTH;

std::vector<std::string> listens_of(const Settings& settings) {
  std::vector<std::string> listens;
  for (const std::string& each : base::split(settings.listen_addr, ',')) {
    if (!base::trim(each).empty())
      listens.push_back(fmt::format("{}:{}", base::trim(each), settings.listen_port));
  }
  if (!settings.unix_socket_dir.empty())
    listens.push_back(
        fmt::format("unix:{}/.s.PGSQL.{}", settings.unix_socket_dir, settings.listen_port));
  return listens;
}

Check::Database database_in(const DatabaseDefinition& database, const Settings& settings) {
  const std::string host =
      database.hosts.empty() ? settings.unix_socket_dir : base::join(database.hosts, ",");
  return {.name = database.name,
          .server = fmt::format("{}:{}/{}", host, database.port,
                                database.dbname.empty() ? database.name : database.dbname),
          .mode = std::string(name_of(database.own.pool_mode.value_or(settings.pool_mode))),
          .pool_size = database.own.pool_size.value_or(settings.default_pool_size)};
}

bool is_only_local(const Settings& settings) {
  for (const std::string& each : base::split(settings.listen_addr, ',')) {
    const std::string_view host = base::trim(each);
    if (!host.empty() && host != "localhost" && !host.starts_with("127.") && host != "::1")
      return false;
  }
  return true;
}

void warn_of_limits(const Check& check, std::vector<std::string>& warnings) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return;
  std::int64_t servers = 0;
  for (const Check::Database& database : check.databases)
    servers += database.pool_size;
  const auto hard = static_cast<std::int64_t>(limit.rlim_max);
  if (check.clients_max + servers > hard)
    warnings.push_back(
        fmt::format("max_client_conn {} and at least {} servers need more files than "
                    "the limit of this process allows ({})",
                    check.clients_max, servers, hard));
}

std::vector<std::string> warnings_of(const Check& check, const Settings& settings) {
  std::vector<std::string> warnings;
  warn_of_limits(check, warnings);
  const bool asks_nothing =
      settings.auth_type == AuthType::trust || settings.auth_type == AuthType::any;
  if (asks_nothing && !is_only_local(settings))
    warnings.push_back(fmt::format("auth_type {} lets everybody in who reaches {}", check.auth_type,
                                   settings.listen_addr));
  struct stat file{};
  if (!settings.auth_file.empty() && ::stat(settings.auth_file.c_str(), &file) == 0 &&
      (file.st_mode & kOthersRead) != 0)
    warnings.push_back(
        fmt::format("{} holds secrets and everybody may read it", settings.auth_file));
  if (::geteuid() == 0 && settings.user.empty())
    warnings.emplace_back("it does not run as root: user or --user is needed");
  for (const Check::Database& database : check.databases) {
    if (database.pool_size == 0)
      warnings.push_back(
          fmt::format("database {} has no server: its pool_size is 0", database.name));
  }
  return warnings;
}

} // namespace

base::Result<Check> check(const std::string& path) {
  const auto read = [](const std::string& each) { return base::read_file(each); };
  PGKEEP_TRY(const auto directory, read_directory(path, read));
  const Settings& settings = directory.settings();
  Check check{.listens = listens_of(settings),
              .databases = {},
              .auth_type = std::string(name_of(settings.auth_type)),
              .users = static_cast<std::int64_t>(directory.users.size()),
              .peers = static_cast<std::int64_t>(directory.configuration.peers.size()),
              .clients_max = settings.max_client_conn,
              .warnings = {}};
  for (const DatabaseDefinition& database : directory.configuration.databases)
    check.databases.push_back(database_in(database, settings));
  check.warnings = warnings_of(check, settings);
  return check;
}

} // namespace pgkeep::pool
