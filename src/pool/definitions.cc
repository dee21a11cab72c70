// One table a kind of definition: the option's name, and how its value is taken.
#include "pool/definitions.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include <fmt/format.h>

#include "base/text.h"
#include "pool/console_command.h"
#include "pool/ini.h"

namespace pgkeep::pool {
namespace {

constexpr std::int64_t kPeersMax = 16'383;

base::Error mistake(std::string what, std::string expected = {}, std::string hint = {}) {
  return {.code = base::Code::config,
          .what = std::move(what),
          .expected = std::move(expected),
          .hint = std::move(hint)};
}

/// Values of settings are read as the settings are: by the row that has such a value.
template <typename Value>
base::Result<Value> as_setting(std::string_view setting, Value Settings::* member,
                               std::string_view option, std::string_view text) {
  Settings settings;
  if (auto done = set(settings, setting, text); !done)
    return mistake(
        fmt::format("invalid {}: {}", base::replace_all(std::string(option), "_", " "), text),
        done.error().expected);
  return std::move(settings.*member);
}

base::Result<> take(std::string_view option, std::string_view text,
                    std::optional<std::int64_t>& out) {
  PGKEEP_TRY(out, as_setting("default_pool_size", &Settings::default_pool_size, option, text));
  return {};
}
base::Result<> take(std::string_view option, std::string_view text, std::optional<Duration>& out) {
  PGKEEP_TRY(out, as_setting("query_timeout", &Settings::query_timeout, option, text));
  return {};
}
base::Result<> take(std::string_view option, std::string_view text, std::optional<PoolMode>& out) {
  PGKEEP_TRY(out, as_setting("pool_mode", &Settings::pool_mode, option, text));
  return {};
}

base::Result<> take_port(std::string_view text, std::uint16_t& out) {
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, out);
  if (failure == std::errc() && stop == end && out > 0) return {};
  return mistake(fmt::format("invalid port: {}", text), "a number from 1 to 65535");
}

template <typename Enum>
base::Result<> take_word(std::string_view option, std::string_view text,
                         std::span<const std::string_view> words, Enum& out) {
  const auto found = std::ranges::find(words, text);
  if (found == words.end())
    return mistake(fmt::format("invalid {}: {}", option, text),
                   fmt::format("one of {}", fmt::join(words, ", ")));
  out = static_cast<Enum>(found - words.begin());
  return {};
}

Overrides& own_of(DatabaseDefinition& database) {
  return database.own;
}
Overrides& own_of(Overrides& own) {
  return own;
}

template <typename Out, auto member>
base::Result<> own_into(Out& out, std::string_view option, std::string_view text) {
  return take(option, text, own_of(out).*member);
}
/// -1 means "not set".
template <typename Out>
base::Result<> wait_into(Out& out, std::string_view option, std::string_view text) {
  if (text != "-1") return take(option, text, own_of(out).query_wait_timeout);
  own_of(out).query_wait_timeout.reset();
  return {};
}

using D = DatabaseDefinition;
struct DatabaseOption {
  std::string_view name;
  base::Result<> (*take)(D& out, std::string_view option, std::string_view text);
};

template <std::string D::* member>
base::Result<> text_into(D& out, std::string_view /*option*/, std::string_view text) {
  out.*member = text;
  return {};
}
template <std::optional<std::string> D::* member>
base::Result<> own_text_into(D& out, std::string_view /*option*/, std::string_view text) {
  out.*member = std::string(text);
  return {};
}

base::Result<> hosts_into(D& out, std::string_view /*option*/, std::string_view text) {
  out.hosts.clear();
  for (const std::string& host : base::split(text, ',')) {
    if (base::trim(host).empty())
      return mistake(fmt::format("invalid host list: {}", text),
                     "names or addresses with a comma between");
    out.hosts.emplace_back(base::trim(host));
  }
  return {};
}

base::Result<> load_balance_into(D& out, std::string_view option, std::string_view text) {
  constexpr std::array<std::string_view, 2> kWords = {"round-robin", "disable"};
  return take_word(option, text, kWords, out.load_balance_hosts);
}
base::Result<> attributes_into(D& out, std::string_view option, std::string_view text) {
  constexpr std::array<std::string_view, 5> kWords = {"any", "read-write", "read-only", "primary",
                                                      "standby"};
  return take_word(option, text, kWords, out.target_session_attrs);
}

base::Result<> port_into(D& out, std::string_view /*option*/, std::string_view text) {
  return take_port(text, out.port);
}
base::Result<> password_into(D& out, std::string_view /*option*/, std::string_view text) {
  out.password = base::Secret(std::string(text));
  return {};
}

constexpr DatabaseOption kDatabaseOptions[] = {
    {"dbname", text_into<&D::dbname>},
    {"host", hosts_into},
    {"port", port_into},
    {"user", text_into<&D::user>},
    {"password", password_into},
    {"auth_user", own_text_into<&D::auth_user>},
    {"auth_query", own_text_into<&D::auth_query>},
    {"auth_dbname", own_text_into<&D::auth_dbname>},
    {"pool_size", own_into<D, &Overrides::pool_size>},
    {"min_pool_size", own_into<D, &Overrides::min_pool_size>},
    {"reserve_pool_size", own_into<D, &Overrides::reserve_pool_size>},
    {"reserve_pool", own_into<D, &Overrides::reserve_pool_size>}, // Its name before.
    {"connect_query", text_into<&D::connect_query>},
    {"pool_mode", own_into<D, &Overrides::pool_mode>},
    {"query_wait_timeout", wait_into<D>},
    {"load_balance_hosts", load_balance_into},
    {"target_session_attrs", attributes_into},
    {"max_db_connections", own_into<D, &Overrides::max_connections>},
    {"max_db_client_connections", own_into<D, &Overrides::max_client_connections>},
    {"server_lifetime", own_into<D, &Overrides::server_lifetime>},
};
constexpr std::string_view kStartupOptions[] = {"client_encoding", "datestyle", "timezone",
                                                "application_name"};

struct UserOption {
  std::string_view name;
  base::Result<> (*take)(Overrides& out, std::string_view option, std::string_view text);
};
constexpr UserOption kUserOptions[] = {
    {"pool_size", own_into<Overrides, &Overrides::pool_size>},
    {"reserve_pool_size", own_into<Overrides, &Overrides::reserve_pool_size>},
    {"pool_mode", own_into<Overrides, &Overrides::pool_mode>},
    {"max_user_connections", own_into<Overrides, &Overrides::max_connections>},
    {"max_user_client_connections", own_into<Overrides, &Overrides::max_client_connections>},
    {"query_timeout", own_into<Overrides, &Overrides::query_timeout>},
    {"query_wait_timeout", wait_into<Overrides>},
    {"idle_transaction_timeout", own_into<Overrides, &Overrides::idle_transaction_timeout>},
    {"transaction_timeout", own_into<Overrides, &Overrides::transaction_timeout>},
    {"client_idle_timeout", own_into<Overrides, &Overrides::client_idle_timeout>},
};

// The same names with the kinds of their values; "reserve_pool" is but an older name.
constexpr OptionRow kDatabaseRows[] = {
    {"dbname"},
    {"host"},
    {"port", OptionKind::number},
    {"user"},
    {"password"},
    {"auth_user"},
    {"auth_query"},
    {"auth_dbname"},
    {"pool_size", OptionKind::number},
    {"min_pool_size", OptionKind::number},
    {"reserve_pool_size", OptionKind::number},
    {"connect_query"},
    {"pool_mode"},
    {"query_wait_timeout", OptionKind::duration},
    {"load_balance_hosts"},
    {"target_session_attrs"},
    {"max_db_connections", OptionKind::number},
    {"max_db_client_connections", OptionKind::number},
    {"server_lifetime", OptionKind::duration},
    {"client_encoding"},
    {"datestyle"},
    {"timezone"},
    {"application_name"},
};
constexpr OptionRow kUserRows[] = {
    {"pool_size", OptionKind::number},
    {"reserve_pool_size", OptionKind::number},
    {"pool_mode"},
    {"max_user_connections", OptionKind::number},
    {"max_user_client_connections", OptionKind::number},
    {"query_timeout", OptionKind::duration},
    {"query_wait_timeout", OptionKind::duration},
    {"idle_transaction_timeout", OptionKind::duration},
    {"transaction_timeout", OptionKind::duration},
    {"client_idle_timeout", OptionKind::duration},
};
constexpr OptionRow kPeerRows[] = {
    {"host"}, {"port", OptionKind::number}, {"pool_size", OptionKind::number}};
static_assert(std::size(kDatabaseRows) ==
              std::size(kDatabaseOptions) + std::size(kStartupOptions) - 1);
static_assert(std::size(kUserRows) == std::size(kUserOptions));

base::Error unknown(std::string_view kind, std::string_view name,
                    std::vector<std::string_view> known) {
  const auto near = base::nearest(name, known);
  return mistake(fmt::format("unrecognized {} parameter: {}", kind, name), {},
                 near ? fmt::format("Did you mean {}?", *near) : std::string());
}

template <typename Options>
std::vector<std::string_view> names_of(const Options& options) {
  std::vector<std::string_view> names;
  for (const auto& each : options)
    names.push_back(each.name);
  return names;
}

} // namespace

std::span<const OptionRow> database_options() {
  return kDatabaseRows;
}
std::span<const OptionRow> user_options() {
  return kUserRows;
}
std::span<const OptionRow> peer_options() {
  return kPeerRows;
}

base::Result<DatabaseDefinition> database_of(std::string_view name, std::string_view options) {
  if (name == kConsoleName)
    return mistake(fmt::format("database name \"{}\" is reserved", name), {},
                   "The console has this name: choose another.");
  PGKEEP_TRY(const std::vector<IniOption> list, options_in(options));
  DatabaseDefinition database{.name = std::string(name)};
  for (const IniOption& each : list) {
    if (std::ranges::find(kStartupOptions, each.key) != std::end(kStartupOptions)) {
      std::erase_if(database.startup, [&](const auto& one) { return one.first == each.key; });
      database.startup.emplace_back(each.key, each.value);
      continue;
    }
    const auto option = std::ranges::find(kDatabaseOptions, each.key, &DatabaseOption::name);
    if (option == std::end(kDatabaseOptions)) {
      std::vector<std::string_view> known = names_of(kDatabaseOptions);
      known.insert(known.end(), std::begin(kStartupOptions), std::end(kStartupOptions));
      return unknown("connection", each.key, std::move(known));
    }
    PGKEEP_CHECK(option->take(database, each.key, each.value));
  }
  return database;
}

base::Result<UserDefinition> user_of(std::string_view name, std::string_view options) {
  PGKEEP_TRY(const std::vector<IniOption> list, options_in(options));
  UserDefinition user{.name = std::string(name)};
  for (const IniOption& each : list) {
    const auto option = std::ranges::find(kUserOptions, each.key, &UserOption::name);
    if (option == std::end(kUserOptions)) return unknown("user", each.key, names_of(kUserOptions));
    PGKEEP_CHECK(option->take(user.own, each.key, each.value));
  }
  return user;
}

base::Result<PeerDefinition> peer_of(std::string_view id, std::string_view options) {
  PeerDefinition peer;
  const char* const end = id.data() + id.size();
  const auto [stop, failure] = std::from_chars(id.data(), end, peer.id);
  if (failure != std::errc() || stop != end || peer.id < 1 || peer.id > kPeersMax)
    return mistake(fmt::format("invalid peer id: {}", id),
                   fmt::format("a number from 1 to {}", kPeersMax));
  PGKEEP_TRY(const std::vector<IniOption> list, options_in(options));
  for (const IniOption& each : list) {
    if (each.key == "host") {
      peer.host = each.value;
    } else if (each.key == "port") {
      PGKEEP_CHECK(take_port(each.value, peer.port));
    } else if (each.key == "pool_size") {
      PGKEEP_CHECK(take(each.key, each.value, peer.pool_size));
    } else {
      return unknown("peer", each.key, {"host", "port", "pool_size"});
    }
  }
  return peer;
}

} // namespace pgkeep::pool
