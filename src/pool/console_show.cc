// One function for what each SHOW shows, and a table of them.
#include "pool/console_show.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "pool/console_show_parts.h"
#include "pool/console_talk.h"

namespace pgkeep::pool {
namespace {

constexpr int kConsolePoolSize = 2; ///< As PgBouncer says of its console.

// ---- configuration ----

/// Of these PgBouncer says NULL, not an empty text, where nobody has set them.
constexpr std::string_view kNullIfUnset[] = {"auth_dbname",
                                             "auth_file",
                                             "auth_ident_file",
                                             "auth_ldap_options",
                                             "auth_user",
                                             "client_tls13_ciphers",
                                             "conffile",
                                             "server_tls13_ciphers",
                                             "user"};

std::string show_config(const Picture& picture) {
  ConsoleAnswer answer;
  answer.columns(std::array<ConsoleColumn, 4>{{{"key"}, {"value"}, {"default"}, {"changeable"}}});
  const Settings& settings = picture.files->settings();
  for (const SettingRow& row : setting_rows()) {
    if (row.name == "service_name") continue; // It has that on Windows only.
    std::string value = shown(settings, row);
    if (row.name == "unix_socket_mode") value = fmt::format("{}", settings.unix_socket_mode);
    // It may have the directory's password, which is nobody's business here.
    if (row.name == "auth_ldap_options" && value.contains("ldapbindpasswd")) value = "***";
    const bool is_null_if_unset =
        std::ranges::find(kNullIfUnset, row.name) != std::end(kNullIfUnset);
    const bool has_default = row.name != "verbose" && !is_null_if_unset;
    answer.row({std::string(row.name),
                is_null_if_unset ? text_or_null(value) : ConsoleValue(std::move(value)),
                has_default ? ConsoleValue(std::string(row.fallback)) : ConsoleValue(),
                std::string(row.is_changeable ? "yes" : "no")});
  }
  return std::move(answer).done("SHOW");
}

struct Used {
  int servers = 0;
  int clients = 0;
};

std::string show_databases(const Picture& picture) {
  constexpr ConsoleColumn kColumns[] = {{"name"},
                                        {"host"},
                                        {"port", 'i'},
                                        {"database"},
                                        {"force_user"},
                                        {"pool_size", 'i'},
                                        {"min_pool_size", 'i'},
                                        {"reserve_pool_size", 'i'},
                                        {"server_lifetime", 'i'},
                                        {"pool_mode"},
                                        {"load_balance_hosts"},
                                        {"max_connections", 'i'},
                                        {"current_connections", 'i'},
                                        {"max_client_connections", 'i'},
                                        {"current_client_connections", 'i'},
                                        {"paused", 'i'},
                                        {"disabled", 'i'}};
  const Settings& all = picture.files->settings();
  std::map<std::string, Used> used; // In the order of their names.
  for (const DatabaseDefinition& database : picture.files->configuration.databases) {
    if (database.name != DatabaseDefinition::kFallback) used[database.name];
  }
  for (const PoolCensus& pool : picture.pools) {
    Used& of = used[pool.pool->name()];
    of.servers += pool.servers();
    of.clients += pool.clients + pool.clients_waiting;
  }
  used[std::string(kConsoleName)].clients = picture.console_clients;
  ConsoleAnswer answer;
  answer.columns(kColumns);
  for (const auto& [name, of] : used) {
    if (name == kConsoleName) {
      answer.row({name,
                  {},
                  number(all.listen_port),
                  name,
                  name,
                  number(kConsolePoolSize),
                  number(0),
                  number(0),
                  number(all.server_lifetime.count() / kMicrosInSecond),
                  "statement",
                  {},
                  number(0),
                  number(of.servers),
                  number(0),
                  number(of.clients),
                  number(0),
                  number(0)});
      continue;
    }
    const DatabaseDefinition* database = picture.files->configuration.database(name);
    if (database == nullptr) continue;
    const Overrides& own = database->own;
    const DatabaseMarks marks = picture.regime.marks_of(name);
    answer.row({name, text_or_null(fmt::format("{}", fmt::join(database->hosts, ","))),
                number(database->port), database->dbname.empty() ? name : database->dbname,
                text_or_null(database->user), number(own.pool_size.value_or(all.default_pool_size)),
                number(own.min_pool_size.value_or(all.min_pool_size)),
                number(own.reserve_pool_size.value_or(all.reserve_pool_size)),
                number(own.server_lifetime.value_or(all.server_lifetime).count() / kMicrosInSecond),
                own.pool_mode ? ConsoleValue(std::string(name_of(*own.pool_mode))) : ConsoleValue(),
                balance_of(*database), number(own.max_connections.value_or(all.max_db_connections)),
                number(of.servers),
                number(own.max_client_connections.value_or(all.max_db_client_connections)),
                number(of.clients), number(marks.is_paused ? 1 : 0),
                number(marks.is_disabled ? 1 : 0)});
  }
  return std::move(answer).done("SHOW");
}

std::string show_peers(const Picture& picture) {
  ConsoleAnswer answer;
  answer.columns(std::array<ConsoleColumn, 4>{
      {{"peer_id", 'i'}, {"host"}, {"port", 'i'}, {"pool_size", 'i'}}});
  for (const PeerDefinition& peer : picture.files->configuration.peers)
    answer.row({number(peer.id), text_or_null(peer.host), number(peer.port),
                number(peer.pool_size.value_or(picture.files->settings().default_pool_size))});
  return std::move(answer).done("SHOW");
}

std::string show_peer_pools(const Picture& picture) {
  ConsoleAnswer answer;
  answer.columns(std::array<ConsoleColumn, 5>{{{"peer_id", 'i'},
                                               {"cl_active_cancel_req", 'i'},
                                               {"cl_waiting_cancel_req", 'i'},
                                               {"sv_active_cancel", 'i'},
                                               {"sv_login", 'i'}}});
  for (const PeerDefinition& peer : picture.files->configuration.peers) {
    const auto found = picture.peers.find(peer.id);
    const PeerCensus census = found == picture.peers.end() ? PeerCensus() : found->second;
    answer.row({number(peer.id), number(census.active), number(census.waiting + census.login),
                number(census.active), number(census.login)});
  }
  return std::move(answer).done("SHOW");
}

std::string show_users(const Picture& picture) {
  constexpr ConsoleColumn kColumns[] = {{"name"},
                                        {"pool_size"},
                                        {"reserve_pool_size"},
                                        {"pool_mode"},
                                        {"max_user_connections", 'i'},
                                        {"current_connections", 'i'},
                                        {"max_user_client_connections", 'i'},
                                        {"current_client_connections", 'i'}};
  const Configuration& configuration = picture.files->configuration;
  std::map<std::string, Used> used;
  for (const auto& [name, stored] : picture.files->users)
    used[name];
  for (const UserDefinition& user : configuration.users)
    used[user.name];
  used[std::string(kConsoleName)];
  for (const PoolCensus& pool : picture.pools) {
    Used& of = used[pool.pool->user()];
    of.servers += pool.servers();
  }
  for (const SocketCensus& socket : picture.sockets) {
    if (socket.is_logged_in) ++used[socket.user].clients;
  }
  const Overrides none;
  ConsoleAnswer answer;
  answer.columns(kColumns);
  for (const auto& [name, of] : used) {
    const UserDefinition* user = configuration.user(name);
    const Overrides& own = user == nullptr ? none : user->own;
    const auto wide = [](const std::optional<std::int64_t>& value) {
      return ConsoleValue(value ? fmt::format("{:9}", *value) : std::string());
    };
    answer.row({name, wide(own.pool_size), wide(own.reserve_pool_size),
                own.pool_mode ? ConsoleValue(std::string(name_of(*own.pool_mode))) : ConsoleValue(),
                number(own.max_connections.value_or(configuration.settings.max_user_connections)),
                number(of.servers),
                number(own.max_client_connections.value_or(
                    configuration.settings.max_user_client_connections)),
                number(of.clients)});
  }
  return std::move(answer).done("SHOW");
}

// ---- the process ----

std::string show_lists(const Picture& picture) {
  const Configuration& configuration = picture.files->configuration;
  int servers = 0;
  std::set<std::string_view> databases = {kConsoleName};
  std::set<std::string_view> users = {kConsoleName};
  for (const DatabaseDefinition& database : configuration.databases) {
    if (database.name != DatabaseDefinition::kFallback) databases.insert(database.name);
  }
  for (const auto& [name, stored] : picture.files->users)
    users.insert(name);
  for (const UserDefinition& user : configuration.users)
    users.insert(user.name);
  for (const PoolCensus& pool : picture.pools) {
    servers += pool.servers();
    databases.insert(pool.pool->name());
  }
  ConsoleAnswer answer;
  answer.columns(std::array<ConsoleColumn, 2>{{{"list"}, {"items", 'i'}}});
  const auto add = [&](std::string_view list, std::size_t items) {
    answer.row({std::string(list), number(items)});
  };
  add("databases", databases.size());
  add("users", users.size());
  add("peers", configuration.peers.size());
  add("pools", picture.pools.size() + 1);
  add("peer_pools", configuration.peers.size());
  add("free_clients", 0); // Nothing is kept for clients to come.
  add("used_clients", static_cast<std::size_t>(picture.clients));
  add("login_clients", static_cast<std::size_t>(picture.logins));
  add("free_servers", 0);
  add("used_servers", static_cast<std::size_t>(servers));
  add("dns_names", picture.hosts.size());
  add("dns_zones", picture.zones.size());
  add("dns_queries", 0);
  add("dns_pending", 0);
  return std::move(answer).done("SHOW");
}

std::string show_mem(const Picture& picture) {
  int servers = 0;
  for (const PoolCensus& pool : picture.pools)
    servers += pool.servers();
  ConsoleAnswer answer;
  answer.columns(std::array<ConsoleColumn, 5>{
      {{"name"}, {"size", 'i'}, {"used", 'i'}, {"free", 'i'}, {"memtotal", 'i'}}});
  const auto add = [&](std::string_view name, std::size_t size, std::size_t used) {
    answer.row({std::string(name), number(size), number(used), number(0), number(size * used)});
  };
  add("client_cache", sizeof(Client), static_cast<std::size_t>(picture.clients));
  add("server_cache", sizeof(Server), static_cast<std::size_t>(servers));
  add("pool_cache", sizeof(Pool), picture.pools.size());
  return std::move(answer).done("SHOW");
}

std::string show_state(const Picture& picture) {
  ConsoleAnswer answer;
  answer.columns(std::array<ConsoleColumn, 2>{{{"key"}, {"value"}}});
  const auto add = [&](std::string_view key, PauseMode mode) {
    answer.row({std::string(key), std::string(picture.regime.pause == mode ? "yes" : "no")});
  };
  add("active", PauseMode::none);
  add("paused", PauseMode::pause);
  add("suspended", PauseMode::suspend);
  return std::move(answer).done("SHOW");
}

std::string show_version(const Picture& picture) {
  ConsoleAnswer answer;
  answer.columns(std::array<ConsoleColumn, 1>{{{"version"}}});
  answer.row({fmt::format("{} (pgkeep {})", kConsoleVersion, picture.version)});
  return std::move(answer).done("SHOW");
}

std::string show_dns_hosts(const Picture& picture) {
  ConsoleAnswer answer;
  answer.columns(std::array<ConsoleColumn, 3>{{{"hostname"}, {"ttl", 'q'}, {"addrs"}}});
  for (const HostNames::Known& each : picture.hosts) {
    std::vector<std::string> addresses;
    for (const IpAddress& address : each.addresses)
      addresses.push_back(text_of(address));
    answer.row({each.host, number(each.seconds), base::join(addresses, ",")});
  }
  return std::move(answer).done("SHOW");
}

std::string show_dns_zones(const Picture& picture) {
  ConsoleAnswer answer;
  answer.columns(std::array<ConsoleColumn, 3>{{{"zonename"}, {"serial", 'q'}, {"count", 'i'}}});
  for (const HostNames::Zone& each : picture.zones)
    answer.row({each.name, number(each.serial), number(each.hosts)});
  return std::move(answer).done("SHOW");
}

std::string show_help(const Picture&) {
  ConsoleAnswer answer;
  answer.notice("Console usage",
                "\n\tSHOW HELP|CONFIG|DATABASES|POOLS|CLIENTS|SERVERS|USERS|VERSION\n"
                "\tSHOW PEERS|PEER_POOLS\n"
                "\tSHOW FDS|SOCKETS|ACTIVE_SOCKETS|LISTS|MEM|STATE\n"
                "\tSHOW DNS_HOSTS|DNS_ZONES\n"
                "\tSHOW STATS|STATS_TOTALS|STATS_AVERAGES|TOTALS\n"
                "\tSHOW EXTRAS\n"
                "\tSET key = arg\n"
                "\tRELOAD\n"
                "\tPAUSE [<db>]\n"
                "\tRESUME [<db>]\n"
                "\tDISABLE <db>\n"
                "\tENABLE <db>\n"
                "\tRECONNECT [<db>]\n"
                "\tKILL [<db>]\n"
                "\tKILL_CLIENT <client_id>\n"
                "\tSUSPEND\n"
                "\tSHUTDOWN\n"
                "\tSHUTDOWN WAIT_FOR_SERVERS|WAIT_FOR_CLIENTS\n"
                "\tWAIT_CLOSE [<db>]");
  return std::move(answer).done("SHOW");
}

struct Shown {
  std::string_view name;
  std::string (*show)(const Picture& picture);
  bool has_sockets = false;
};
constexpr Shown kShown[] = {
    {"active_sockets", show_active_sockets, true},
    {"clients", show_clients, true},
    {"config", show_config},
    {"databases", show_databases},
    {"dns_hosts", show_dns_hosts},
    {"dns_zones", show_dns_zones},
    {"extras", show_extras},
    {"fds", show_fds, true},
    {"help", show_help},
    {"lists", show_lists},
    {"mem", show_mem},
    {"peer_pools", show_peer_pools},
    {"peers", show_peers},
    {"pools", show_pools},
    {"servers", show_servers, true},
    {"sockets", show_all_sockets, true},
    {"state", show_state},
    {"stats", show_stats},
    {"stats_averages", show_stats_averages},
    {"stats_totals", show_stats_totals},
    {"totals", show_totals},
    {"users", show_users, true},
    {"version", show_version},
};

/// Drivers ask for these, or set them, wherever they come.
constexpr std::pair<std::string_view, std::string_view> kParameters[] = {
    {"client_encoding", "UTF-8"},
    {"default_transaction_isolation", "read committed"},
    {"standard_conforming_strings", "on"},
    {"datestyle", "ISO"},
    {"timezone", "GMT"},
    {"extra_float_digits", "2"},
};

} // namespace

void Picture::add(const std::vector<std::unique_ptr<Census>>& counts) {
  for (const std::unique_ptr<Census>& census : counts) {
    for (const PoolCensus& part : census->pools) {
      if (part.pool->is_dead()) continue;
      const auto found = std::ranges::find(pools, part.pool, &PoolCensus::pool);
      if (found == pools.end()) {
        pools.push_back(part);
      } else {
        found->add(part);
      }
    }
    std::ranges::move(census->sockets, std::back_inserter(sockets));
    console.add(census->console);
    for (const PeerCensus& peer : census->peers)
      peers[peer.id] = peer;
    logins += census->logins;
    restless += census->restless;
    has_killed = has_killed || census->has_killed;
  }
  std::ranges::sort(pools, {}, [](const PoolCensus& each) {
    return std::pair(std::string_view(each.pool->name()), std::string_view(each.pool->user()));
  });
}

bool shows_sockets(std::string_view what) {
  const auto found = std::ranges::find(kShown, what, &Shown::name);
  return found != std::end(kShown) && found->has_sockets;
}

bool is_for_admins(std::string_view what) {
  return what == "fds";
}

std::optional<std::string> shown(const Picture& picture, std::string_view what) {
  const auto found = std::ranges::find(kShown, what, &Shown::name);
  if (found == std::end(kShown)) return std::nullopt;
  return found->show(picture);
}

std::optional<std::string> shown_parameter(std::string_view name) {
  for (const auto& [known, value] : kParameters) {
    if (known != name) continue;
    ConsoleAnswer answer;
    answer.columns(std::array<ConsoleColumn, 1>{{{known}}});
    answer.row({std::string(value)});
    return std::move(answer).done("SHOW");
  }
  return std::nullopt;
}

} // namespace pgkeep::pool
