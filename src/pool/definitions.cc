// One table a kind of definition: the option's name, and how its value is taken.
#include "pool/definitions.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
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

/// One option as it stands behind a name, and where to say what of it counts for nothing.
struct Given {
  std::string_view option;
  std::string_view text;
  Notes& notes;

  [[nodiscard]] base::Error invalid(std::string expected) const {
    return mistake(
        fmt::format("invalid {}: {}", base::replace_all(std::string(option), "_", " "), text),
        std::move(expected));
  }
};

/// What the text begins with, as atoi() reads it, and how many bytes of it count.
template <typename Number>
struct Front {
  Number number{};
  std::size_t bytes = 0;
};
template <typename Number>
std::optional<Front<Number>> front_of(std::string_view text) {
  const std::size_t sign = text.starts_with('+') ? 1 : 0;
  Front<Number> front;
  const char* const begin = text.data() + sign;
  const auto [stop, failure] = std::from_chars(begin, text.data() + text.size(), front.number);
  if (failure != std::errc()) return std::nullopt;
  front.bytes = sign + static_cast<std::size_t>(stop - begin);
  return front;
}

template <typename Number>
std::optional<Number> number_of(const Given& given) {
  const auto front = front_of<Number>(given.text);
  if (!front) return std::nullopt;
  if (front->bytes < given.text.size())
    given.notes.push_back(fmt::format("{}={}: \"{}\" behind the number counts for nothing",
                                      given.option, given.text, given.text.substr(front->bytes)));
  return front->number;
}

base::Result<std::int64_t> take_number(const Given& given) {
  const auto number = number_of<std::int32_t>(given);
  if (!number) return given.invalid("a whole number");
  return *number;
}

base::Result<Duration> take_duration(const Given& given) {
  const auto seconds = number_of<double>(given);
  const auto duration = seconds ? duration_of(*seconds) : std::nullopt;
  if (!duration) return given.invalid("a number of seconds, such as 15 or 0.5");
  return *duration;
}

template <typename Enum>
base::Result<> take_word(const Given& given, std::span<const std::string_view> words, Enum& out) {
  const std::string lowered = base::to_lower(given.text);
  const auto found = std::ranges::find(words, lowered);
  if (found == words.end())
    return mistake(fmt::format("invalid {}: {}", given.option, given.text),
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

/// Of a pool, where 0 is a size: what is below is none of its own.
base::Result<> take_size(const Given& given, std::optional<std::int64_t>& out) {
  PGKEEP_TRY(out, take_number(given));
  if (*out < 0) out.reset();
  return {};
}
template <typename Out, auto member>
base::Result<> size_into(Out& out, const Given& given) {
  return take_size(given, own_of(out).*member);
}

/// Of connections: one that is not above 0 leaves the limit of all as it is.
template <typename Out, auto member>
base::Result<> most_into(Out& out, const Given& given) {
  std::optional<std::int64_t>& most = own_of(out).*member;
  PGKEEP_TRY(most, take_number(given));
  if (*most <= 0) most.reset();
  return {};
}

/// The same of time; below 0 it never comes, for PgBouncer takes such a number for a very large
/// one.
template <typename Out, auto member>
base::Result<> time_into(Out& out, const Given& given) {
  std::optional<Duration>& time = own_of(out).*member;
  PGKEEP_TRY(time, take_duration(given));
  if (time->count() == 0) time.reset();
  if (time && time->count() < 0) time = kNever;
  return {};
}

/// 0 is no limit, and what is below is none of its own.
template <typename Out>
base::Result<> wait_into(Out& out, const Given& given) {
  std::optional<Duration>& wait = own_of(out).query_wait_timeout;
  PGKEEP_TRY(wait, take_duration(given));
  if (wait->count() < 0) wait.reset();
  return {};
}

template <typename Out>
base::Result<> mode_into(Out& out, const Given& given) {
  Settings settings;
  if (auto done = set(settings, "pool_mode", given.text); !done)
    return given.invalid(done.error().expected);
  own_of(out).pool_mode = settings.pool_mode;
  return {};
}

base::Result<> take_port(const Given& given, std::uint16_t& out) {
  const auto port = number_of<std::uint16_t>(given);
  if (!port || *port == 0) return given.invalid("a number from 1 to 65535");
  out = *port;
  return {};
}

using D = DatabaseDefinition;
struct DatabaseOption {
  std::string_view name;
  base::Result<> (*take)(D& out, const Given& given);
};

template <std::string D::* member>
base::Result<> text_into(D& out, const Given& given) {
  out.*member = given.text;
  return {};
}
template <std::optional<std::string> D::* member>
base::Result<> own_text_into(D& out, const Given& given) {
  out.*member = std::string(given.text);
  return {};
}

base::Result<> hosts_into(D& out, const Given& given) {
  out.hosts.clear();
  for (const std::string& host : base::split(given.text, ',')) {
    if (base::trim(host).empty())
      return mistake(fmt::format("invalid host list: {}", given.text),
                     "names or addresses with a comma between");
    out.hosts.emplace_back(base::trim(host));
  }
  return {};
}

base::Result<> load_balance_into(D& out, const Given& given) {
  constexpr std::array<std::string_view, 2> kWords = {"round-robin", "disable"};
  return take_word(given, kWords, out.load_balance_hosts);
}
base::Result<> attributes_into(D& out, const Given& given) {
  constexpr std::array<std::string_view, 5> kWords = {"any", "read-write", "read-only", "primary",
                                                      "standby"};
  return take_word(given, kWords, out.target_session_attrs);
}

base::Result<> port_into(D& out, const Given& given) {
  return take_port(given, out.port);
}
base::Result<> password_into(D& out, const Given& given) {
  out.password = base::Secret(std::string(given.text));
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
    {"pool_size", size_into<D, &Overrides::pool_size>},
    {"min_pool_size", size_into<D, &Overrides::min_pool_size>},
    {"reserve_pool_size", size_into<D, &Overrides::reserve_pool_size>},
    {"reserve_pool", size_into<D, &Overrides::reserve_pool_size>}, // Its name before.
    {"connect_query", text_into<&D::connect_query>},
    {"pool_mode", mode_into<D>},
    {"query_wait_timeout", wait_into<D>},
    {"load_balance_hosts", load_balance_into},
    {"target_session_attrs", attributes_into},
    {"max_db_connections", most_into<D, &Overrides::max_connections>},
    {"max_db_client_connections", most_into<D, &Overrides::max_client_connections>},
    {"server_lifetime", time_into<D, &Overrides::server_lifetime>},
};
constexpr std::string_view kStartupOptions[] = {"client_encoding", "datestyle", "timezone",
                                                "application_name"};

struct UserOption {
  std::string_view name;
  base::Result<> (*take)(Overrides& out, const Given& given);
};
constexpr UserOption kUserOptions[] = {
    {"pool_size", size_into<Overrides, &Overrides::pool_size>},
    {"reserve_pool_size", size_into<Overrides, &Overrides::reserve_pool_size>},
    {"pool_mode", mode_into<Overrides>},
    {"max_user_connections", most_into<Overrides, &Overrides::max_connections>},
    {"max_user_client_connections", most_into<Overrides, &Overrides::max_client_connections>},
    {"query_timeout", time_into<Overrides, &Overrides::query_timeout>},
    {"query_wait_timeout", wait_into<Overrides>},
    {"idle_transaction_timeout", time_into<Overrides, &Overrides::idle_transaction_timeout>},
    {"transaction_timeout", time_into<Overrides, &Overrides::transaction_timeout>},
    {"client_idle_timeout", time_into<Overrides, &Overrides::client_idle_timeout>},
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

std::optional<std::int64_t> option_number(std::string_view text) {
  const auto front = front_of<std::int32_t>(text);
  return front ? std::optional<std::int64_t>(front->number) : std::nullopt;
}

std::optional<Duration> option_duration(std::string_view text) {
  const auto front = front_of<double>(text);
  return front ? duration_of(front->number) : std::nullopt;
}

base::Result<DatabaseDefinition> database_of(std::string_view name, std::string_view options,
                                             Notes& notes) {
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
    PGKEEP_CHECK(option->take(database, {each.key, each.value, notes}));
  }
  return database;
}

base::Result<UserDefinition> user_of(std::string_view name, std::string_view options,
                                     Notes& notes) {
  PGKEEP_TRY(const std::vector<IniOption> list, options_in(options));
  UserDefinition user{.name = std::string(name)};
  for (const IniOption& each : list) {
    const auto option = std::ranges::find(kUserOptions, each.key, &UserOption::name);
    if (option == std::end(kUserOptions)) return unknown("user", each.key, names_of(kUserOptions));
    PGKEEP_CHECK(option->take(user.own, {each.key, each.value, notes}));
  }
  return user;
}

base::Result<PeerDefinition> peer_of(std::string_view id, std::string_view options, Notes& notes) {
  PeerDefinition peer;
  const char* const end = id.data() + id.size();
  const auto [stop, failure] = std::from_chars(id.data(), end, peer.id);
  if (failure != std::errc() || stop != end || peer.id < 1 || peer.id > kPeersMax)
    return mistake(fmt::format("invalid peer id: {}", id),
                   fmt::format("a number from 1 to {}", kPeersMax));
  PGKEEP_TRY(const std::vector<IniOption> list, options_in(options));
  for (const IniOption& each : list) {
    const Given given{each.key, each.value, notes};
    if (each.key == "host") {
      peer.host = each.value;
    } else if (each.key == "port") {
      PGKEEP_CHECK(take_port(given, peer.port));
    } else if (each.key == "pool_size") {
      PGKEEP_CHECK(take_size(given, peer.pool_size));
    } else {
      return unknown("peer", each.key, {"host", "port", "pool_size"});
    }
  }
  return peer;
}

} // namespace pgkeep::pool
