#include "pool/check.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "pool/directory.h"
#include "pool/listeners.h"
#include "pool/process.h"
#include "wire/password.h"

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
          .pool_size = std::max<std::int64_t>(
              database.own.pool_size.value_or(settings.default_pool_size), 0)};
}

struct Login {
  std::string user;
  base::Secret password;
};

/// Somebody whom the server lets in, as far as the files say: the user of the database, the one
/// that asks for others, or any whose password is known as it is. None: there is nobody.
std::optional<Login> login_of(const DatabaseDefinition& database, const Directory& files) {
  const auto stored_of = [&](const std::string& user) {
    const auto found = files.users.find(user);
    const bool is_plain = found != files.users.end() &&
                          wire::stored_as(found->second.reveal()) == wire::StoredAs::plain;
    return is_plain ? std::optional(found->second) : std::nullopt;
  };
  if (!database.user.empty()) {
    if (!database.password.empty()) return Login{database.user, database.password};
    return Login{database.user, stored_of(database.user).value_or(base::Secret())};
  }
  const std::string asking = database.auth_user.value_or(files.settings().auth_user);
  if (const auto stored = stored_of(asking)) return Login{asking, *stored};
  for (const auto& [user, secret] : files.users) {
    if (const auto stored = stored_of(user)) return Login{user, *stored};
  }
  return std::nullopt;
}

struct Wish {
  std::int64_t wanted = 0;
  bool has_end = true; ///< A pool of it has a size.
};

/// Of all pools of the database, and of the connection that listens for all of them.
Wish wanted_of(const DatabaseDefinition& database, const Directory& files) {
  const Settings& settings = files.settings();
  bool may_listen = false;
  const auto of_user = [&](const std::string& name) {
    const UserDefinition* user = files.configuration.user(name);
    const Overrides none;
    const Overrides& own = user == nullptr ? none : user->own;
    const PoolMode mode =
        own.pool_mode.value_or(database.own.pool_mode.value_or(settings.pool_mode));
    may_listen = may_listen || (settings.share_listen && mode != PoolMode::session);
    const auto chosen = [&](std::optional<std::int64_t> Overrides::* of_own, std::int64_t of_all) {
      return (own.*of_own).value_or((database.own.*of_own).value_or(of_all));
    };
    const std::int64_t size = chosen(&Overrides::pool_size, settings.default_pool_size);
    if (size <= 0) return Wish{.wanted = 1, .has_end = false};
    return Wish{
        .wanted = size + std::max<std::int64_t>(
                             chosen(&Overrides::reserve_pool_size, settings.reserve_pool_size), 0)};
  };
  Wish wish;
  const auto add = [&](const Wish& more) {
    wish.wanted += more.wanted;
    wish.has_end = wish.has_end && more.has_end;
  };
  if (!database.user.empty() || files.users.empty()) {
    add(of_user(database.user));
  } else {
    for (const auto& [user, secret] : files.users)
      add(of_user(user));
  }
  wish.wanted += may_listen ? 1 : 0;
  const std::int64_t most = database.own.max_connections.value_or(settings.max_db_connections);
  if (most <= 0) return wish;
  return {.wanted = wish.has_end ? std::min(most, wish.wanted) : most};
}

bool may_be_more(const DatabaseDefinition& database, const Directory& files) {
  const Settings& settings = files.settings();
  const std::string asking = database.auth_user.value_or(settings.auth_user);
  return database.name == DatabaseDefinition::kFallback ||
         (database.user.empty() && (!asking.empty() || settings.auth_type == AuthType::pam));
}

std::vector<Check::Server> servers_of(const Directory& files) {
  const Settings& settings = files.settings();
  std::vector<Check::Server> servers;
  for (const DatabaseDefinition& database : files.configuration.databases) {
    std::vector<std::string> hosts = database.hosts;
    if (hosts.empty()) hosts.push_back(settings.unix_socket_dir);
    for (const std::string& host : hosts) {
      auto server = std::ranges::find_if(servers, [&](const Check::Server& each) {
        return each.host == host && each.port == database.port;
      });
      if (server == servers.end())
        server = servers.insert(servers.end(), {.host = host, .port = database.port});
      const Wish wish = wanted_of(database, files);
      server->wanted += wish.wanted;
      server->may_be_more = server->may_be_more || !wish.has_end || may_be_more(database, files);
      const auto login = server->is_user_known ? std::nullopt : login_of(database, files);
      if (!login) continue;
      const bool is_any = database.name == DatabaseDefinition::kFallback;
      server->is_user_known = true;
      server->user = login->user;
      server->password = login->password;
      server->database = !database.dbname.empty() ? database.dbname
                         : is_any                 ? "postgres"
                                                  : database.name;
    }
  }
  for (Check::Server& server : servers) {
    if (settings.max_server_connections == 0) continue;
    server.wanted = std::min(server.wanted, settings.max_server_connections);
    server.may_be_more = false;
  }
  return servers;
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
  const bool has_one_server =
      settings.max_server_connections == 1 || settings.max_db_connections == 1;
  if (settings.share_listen && has_one_server)
    warnings.emplace_back("share_listen takes a server connection of each database that somebody "
                          "listens to: with a limit of 1 nobody else works meanwhile");
  return warnings;
}

} // namespace

base::Result<Check> check(const std::string& path) {
  const auto read = [](const std::string& each) { return base::read_file(each); };
  PGKEEP_TRY(const auto directory, read_directory(path, read));
  const Settings& settings = directory.settings();
  if (!settings.user.empty()) {
    if (auto account = account_of(settings.user); !account)
      return base::with_where(std::move(account).error(), path);
  }
  PGKEEP_CHECK(check_listening(settings));
  Check check{.listens = listens_of(settings),
              .databases = {},
              .servers = servers_of(directory),
              .tls = {.mode = std::string(name_of(settings.server_tls_sslmode)),
                      .ca_file = settings.server_tls_ca_file,
                      .certificate_file = settings.server_tls_cert_file,
                      .key_file = settings.server_tls_key_file},
              .auth_type = std::string(name_of(settings.auth_type)),
              .users = static_cast<std::int64_t>(directory.users.size()),
              .peers = static_cast<std::int64_t>(directory.configuration.peers.size()),
              .clients_max = settings.max_client_conn,
              .warnings = {},
              .problems = directory.problems};
  for (const DatabaseDefinition& database : directory.configuration.databases)
    check.databases.push_back(database_in(database, settings));
  check.warnings = warnings_of(check, settings);
  return check;
}

} // namespace pgkeep::pool
