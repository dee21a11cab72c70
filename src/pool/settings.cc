#include "pool/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::pool {
namespace {

using S = Settings;
constexpr bool kAtStart = false;             ///< Not changeable.
constexpr std::int64_t kNoLimit = INT32_MIN; ///< The least: below 0 it is as 0.
constexpr std::int64_t kPeersMax = 16'383;
constexpr std::int64_t kModeMax = 07777;
constexpr std::int64_t kVerboseMax = 9;
constexpr std::int64_t kRetriesMax = 10;
constexpr std::int64_t kQueueMin = 16'384; ///< A notification may have 8,000 bytes.

constexpr std::array<std::string_view, 3> kPoolModes = {"session", "transaction", "statement"};
constexpr std::array<std::string_view, 9> kAuthTypes = {
    "any", "trust", "plain", "md5", "cert", "hba", "pam", "ldap", "scram-sha-256"};
constexpr std::array<std::string_view, 6> kTlsModes = {"disable", "allow",     "prefer",
                                                       "require", "verify-ca", "verify-full"};

/// With the rights of auth_user, in a database whose owner says what search_path is there: no name
/// in it depends on that.
constexpr std::string_view kAuthQuery =
    "SELECT rolname, CASE WHEN rolvaliduntil OPERATOR(pg_catalog.<) pg_catalog.now() THEN NULL "
    "ELSE rolpassword END FROM pg_catalog.pg_authid WHERE rolname OPERATOR(pg_catalog.=) $1 AND "
    "rolcanlogin";

constexpr SettingRow kRows[] = {
    {"admin_users", &S::admin_users, ""},
    {"application_name_add_host", &S::application_name_add_host, "0"},
    {"auth_dbname", &S::auth_dbname, ""},
    {"auth_file", &S::auth_file, ""},
    {"auth_hba_file", &S::auth_hba_file, ""},
    {"auth_ident_file", &S::auth_ident_file, ""},
    {"auth_ldap_options", &S::auth_ldap_options, ""},
    {"auth_query", &S::auth_query, kAuthQuery},
    {"auth_type", &S::auth_type, "md5"},
    {"auth_user", &S::auth_user, ""},
    {"autodb_idle_timeout", &S::autodb_idle_timeout, "3600"},
    {"cancel_wait_timeout", &S::cancel_wait_timeout, "10"},
    {"client_idle_timeout", &S::client_idle_timeout, "0"},
    {"client_login_timeout", &S::client_login_timeout, "60"},
    {"client_statements_size", &S::client_statements_size, "16777216"},
    {"client_tls13_ciphers", &S::client_tls13_ciphers, ""},
    {"client_tls_ca_file", &S::client_tls_ca_file, ""},
    {"client_tls_cert_file", &S::client_tls_cert_file, ""},
    {"client_tls_ciphers", &S::client_tls_ciphers, "default"},
    {"client_tls_dheparams", &S::client_tls_dheparams, "auto"},
    {"client_tls_ecdhcurve", &S::client_tls_ecdhcurve, "auto"},
    {"client_tls_key_file", &S::client_tls_key_file, ""},
    {"client_tls_protocols", &S::client_tls_protocols, "secure"},
    {"client_tls_sslmode", &S::client_tls_sslmode, "disable"},
    {"conffile", &S::conffile, ""},
    {"default_pool_size", &S::default_pool_size, "20", true, kNoLimit},
    {"disable_pqexec", &S::disable_pqexec, "0", kAtStart},
    {"dns_max_ttl", &S::dns_max_ttl, "15"},
    {"dns_nxdomain_ttl", &S::dns_nxdomain_ttl, "15"},
    {"dns_zone_check_period", &S::dns_zone_check_period, "0"},
    {"heal_cached_plans", &S::heal_cached_plans, "1"},
    {"idle_transaction_timeout", &S::idle_transaction_timeout, "0"},
    {"ignore_startup_parameters", &S::ignore_startup_parameters, ""},
    {"job_name", &S::job_name, "pgbouncer", kAtStart},
    {"keep_session_settings", &S::keep_session_settings, "0"},
    {"listen_addr", &S::listen_addr, "", kAtStart},
    {"listen_backlog", &S::listen_backlog, "128", kAtStart},
    {"listen_port", &S::listen_port, "6432", kAtStart, 1, kPortMax},
    {"listen_queue_size", &S::listen_queue_size, "1048576", true, kQueueMin},
    {"log_connections", &S::log_connections, "1"},
    {"log_disconnections", &S::log_disconnections, "1"},
    {"log_pooler_errors", &S::log_pooler_errors, "1"},
    {"log_stats", &S::log_stats, "1"},
    {"logfile", &S::logfile, ""},
    {"login_notify_message", &S::login_notify_message, ""},
    {"max_client_conn", &S::max_client_conn, "100"},
    {"max_db_client_connections", &S::max_db_client_connections, "0", true, kNoLimit},
    {"max_db_connections", &S::max_db_connections, "0", true, kNoLimit},
    {"max_packet_size", &S::max_packet_size, "2147483647"},
    {"max_prepared_statements", &S::max_prepared_statements, "200"},
    {"max_server_connections", &S::max_server_connections, "0"},
    {"max_user_client_connections", &S::max_user_client_connections, "0", true, kNoLimit},
    {"max_user_connections", &S::max_user_connections, "0", true, kNoLimit},
    {"metrics_listen", &S::metrics_listen, "", kAtStart},
    {"min_pool_size", &S::min_pool_size, "0", true, kNoLimit},
    {"peer_id", &S::peer_id, "0", true, 0, kPeersMax},
    {"pidfile", &S::pidfile, "", kAtStart},
    {"pin_sessions", &S::pin_sessions, "0"},
    {"pkt_buf", &S::pkt_buf, "4096", kAtStart},
    {"pool_idle_timeout", &S::pool_idle_timeout, "0"},
    {"pool_mode", &S::pool_mode, "session"},
    {"query_timeout", &S::query_timeout, "0"},
    {"query_wait_notify", &S::query_wait_notify, "5"},
    {"query_wait_timeout", &S::query_wait_timeout, "120"},
    {"reserve_pool_size", &S::reserve_pool_size, "0", true, kNoLimit},
    {"reserve_pool_timeout", &S::reserve_pool_timeout, "5"},
    {"resolv_conf", &S::resolv_conf, "", kAtStart},
    {"retry_serialization_failures", &S::retry_serialization_failures, "0", true, 0, kRetriesMax},
    {"sbuf_loopcnt", &S::sbuf_loopcnt, "5"},
    {"scram_iterations", &S::scram_iterations, "4096", true, 1, 10'000'000},
    {"server_check_delay", &S::server_check_delay, "30"},
    {"server_check_query", &S::server_check_query, "<empty>"},
    {"server_connect_timeout", &S::server_connect_timeout, "15"},
    {"server_fast_close", &S::server_fast_close, "0"},
    {"server_idle_timeout", &S::server_idle_timeout, "600"},
    {"server_lifetime", &S::server_lifetime, "3600"},
    {"server_login_retry", &S::server_login_retry, "15"},
    {"server_reset_query", &S::server_reset_query, "DISCARD ALL"},
    {"server_reset_query_always", &S::server_reset_query_always, "0"},
    {"server_round_robin", &S::server_round_robin, "0"},
    {"server_tls13_ciphers", &S::server_tls13_ciphers, ""},
    {"server_tls_ca_file", &S::server_tls_ca_file, ""},
    {"server_tls_cert_file", &S::server_tls_cert_file, ""},
    {"server_tls_ciphers", &S::server_tls_ciphers, "default"},
    {"server_tls_key_file", &S::server_tls_key_file, ""},
    {"server_tls_protocols", &S::server_tls_protocols, "secure"},
    {"server_tls_sslmode", &S::server_tls_sslmode, "prefer"},
    {"service_name", &S::service_name, "pgbouncer", kAtStart},
    {"share_listen", &S::share_listen, "0"},
    {"so_reuseport", &S::so_reuseport, "0", kAtStart},
    {"stats_period", &S::stats_period, "60"},
    {"stats_users", &S::stats_users, ""},
    {"suspend_timeout", &S::suspend_timeout, "10"},
    {"syslog", &S::syslog, "0"},
    {"syslog_facility", &S::syslog_facility, "daemon"},
    {"syslog_ident", &S::syslog_ident, "pgbouncer"},
    {"tcp_defer_accept", &S::tcp_defer_accept, "1"},
    {"tcp_keepalive", &S::tcp_keepalive, "1"},
    {"tcp_keepcnt", &S::tcp_keepcnt, "0"},
    {"tcp_keepidle", &S::tcp_keepidle, "0"},
    {"tcp_keepintvl", &S::tcp_keepintvl, "0"},
    {"tcp_socket_buffer", &S::tcp_socket_buffer, "0"},
    {"tcp_user_timeout", &S::tcp_user_timeout, "0"},
    {"track_extra_parameters", &S::track_extra_parameters, "IntervalStyle", kAtStart},
    {"transaction_timeout", &S::transaction_timeout, "0"},
    {"unix_socket_dir", &S::unix_socket_dir, "/tmp", kAtStart},
    {"unix_socket_group", &S::unix_socket_group, "", kAtStart},
    {"unix_socket_mode", &S::unix_socket_mode, "0777", kAtStart, 0, kModeMax},
    {"user", &S::user, "", kAtStart},
    {"verbose", &S::verbose, "0", true, 0, kVerboseMax},
};
static_assert(std::ranges::is_sorted(kRows, {}, &SettingRow::name));

constexpr std::string_view kModeName = "unix_socket_mode"; ///< The one number that is octal.

/// As strtol() with base 0 reads it: 10, 0x10, 010.
std::optional<std::int64_t> number_in(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text.starts_with('0')) {
    base = 8;
  }
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number, base);
  if (failure != std::errc() || stop != end || text.starts_with('-')) return std::nullopt;
  return is_negative ? -number : number;
}

std::optional<Duration> seconds_in(std::string_view text) {
  double seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, seconds);
  if (failure != std::errc() || stop != end || !(seconds >= 0)) return std::nullopt;
  return duration_of(seconds);
}

/// Reads one value into a member; what was expected where it cannot.
class Assign {
public:
  Assign(Settings& settings, const SettingRow& row, std::string_view value)
      : settings_(settings), row_(row), value_(value) {}

  std::optional<std::string> operator()(std::string Settings::* member) {
    settings_.*member = value_;
    return std::nullopt;
  }
  std::optional<std::string> operator()(std::int64_t Settings::* member) {
    const auto number = number_in(value_);
    if (!number || *number < row_.number_min || *number > row_.number_max)
      return fmt::format("a whole number from {} to {}", row_.number_min, row_.number_max);
    settings_.*member = *number;
    return std::nullopt;
  }
  std::optional<std::string> operator()(bool Settings::* member) {
    const auto number = number_in(value_);
    if (!number) return "0 or 1";
    settings_.*member = *number != 0;
    return std::nullopt;
  }
  std::optional<std::string> operator()(Duration Settings::* member) {
    const auto seconds = seconds_in(value_);
    if (!seconds) return "a number of seconds, such as 15 or 0.5";
    settings_.*member = *seconds;
    return std::nullopt;
  }
  std::optional<std::string> operator()(PoolMode Settings::* member) {
    return choose(member, kPoolModes);
  }
  std::optional<std::string> operator()(AuthType Settings::* member) {
    return choose(member, kAuthTypes);
  }
  std::optional<std::string> operator()(TlsMode Settings::* member) {
    return choose(member, kTlsModes);
  }

private:
  template <typename Enum, std::size_t Count>
  std::optional<std::string> choose(Enum Settings::* member,
                                    const std::array<std::string_view, Count>& names) {
    const std::string lowered = base::to_lower(value_);
    const auto found = std::ranges::find(names, lowered);
    if (found == names.end()) return fmt::format("one of {}", fmt::join(names, ", "));
    settings_.*member = static_cast<Enum>(found - names.begin());
    return std::nullopt;
  }

  Settings& settings_;
  const SettingRow& row_;
  std::string_view value_;
};

std::string shown_seconds(Duration value) {
  return fmt::format("{}", std::chrono::duration<double>(value).count());
}

} // namespace

std::optional<Duration> duration_of(double seconds) {
  constexpr double kSecondsMax = 1e9;
  if (!(std::abs(seconds) <= kSecondsMax)) return std::nullopt; // NaN is not.
  return Duration(std::llround(seconds * Duration::period::den));
}

std::string_view name_of(PoolMode mode) noexcept {
  return kPoolModes[std::to_underlying(mode)];
}
std::string_view name_of(AuthType type) noexcept {
  if (type == AuthType::peer) return "peer";
  if (type == AuthType::reject) return "reject";
  return kAuthTypes[std::to_underlying(type)];
}
std::string_view name_of(TlsMode mode) noexcept {
  return kTlsModes[std::to_underlying(mode)];
}

Settings::Settings() {
  for (const SettingRow& row : kRows)
    PGKEEP_ASSERT(
        !std::visit(Assign(*this, row, row.fallback), row.member)); // A unit test sees it.
}

std::span<const SettingRow> setting_rows() {
  return kRows;
}

const SettingRow* find_setting(std::string_view name) {
  const auto found = std::ranges::lower_bound(kRows, name, {}, &SettingRow::name);
  return found == std::end(kRows) || found->name != name ? nullptr : found;
}

base::Result<> set(Settings& settings, std::string_view name, std::string_view value) {
  const SettingRow* const row = find_setting(name);
  if (row == nullptr) {
    std::vector<std::string_view> names;
    for (const SettingRow& each : kRows)
      names.push_back(each.name);
    const auto near = base::nearest(name, names);
    return base::Error{.code = base::Code::config,
                       .what = fmt::format("unknown parameter: pgbouncer/{}", name),
                       .hint = near ? fmt::format("Did you mean {}?", *near) : std::string()};
  }
  if (auto expected = std::visit(Assign(settings, *row, value), row->member))
    return base::Error{.code = base::Code::config,
                       .what = fmt::format("invalid value \"{}\" for parameter {}", value, name),
                       .expected = *std::move(expected)};
  return {};
}

void copy(Settings& to, const Settings& from, const SettingRow& row) {
  std::visit([&](auto member) { to.*member = from.*member; }, row.member);
}

std::string shown(const Settings& settings, const SettingRow& row) {
  return std::visit(
      [&]<typename Value>(Value Settings::* member) -> std::string {
        const Value& value = settings.*member;
        if constexpr (std::same_as<Value, std::string>) {
          return value;
        } else if constexpr (std::same_as<Value, std::int64_t>) {
          return row.name == kModeName ? fmt::format("{:04o}", value) : fmt::format("{}", value);
        } else if constexpr (std::same_as<Value, bool>) {
          return value ? "1" : "0";
        } else if constexpr (std::same_as<Value, Duration>) {
          return shown_seconds(value);
        } else {
          return std::string(name_of(value));
        }
      },
      row.member);
}

} // namespace pgkeep::pool
