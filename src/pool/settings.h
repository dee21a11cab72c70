/// The settings of a pooler: section [pgbouncer] of its ini file, key by key as PgBouncer 1.25 has
/// them, and one table that knows their names, defaults and whether RELOAD may change them.
///
/// Threads: a plain value; a reload makes another one. Source: PgBouncer's manual, config; the
/// order and the words of errors are those of PgBouncer 1.18 where it has the key.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"

namespace pgkeep::pool {

enum class PoolMode : std::uint8_t { session, transaction, statement };
enum class AuthType : std::uint8_t {
  any,
  trust,
  plain,
  md5,
  cert,
  hba,
  pam,
  ldap,
  scram,
  // By auth_hba_file alone:
  peer,
  reject,
};
enum class TlsMode : std::uint8_t { disable, allow, prefer, require, verify_ca, verify_full };
std::string_view name_of(PoolMode mode) noexcept;
std::string_view name_of(AuthType type) noexcept;
std::string_view name_of(TlsMode mode) noexcept;

/// In the ini file a number of seconds, with a fraction if wanted.
using Duration = std::chrono::microseconds;
/// Fractions count, which PgBouncer cuts off in some places. None: more than thirty years either
/// way, which would not fit where microseconds are counted.
std::optional<Duration> duration_of(double seconds);
inline constexpr int kPortMax = 65'535;

struct Settings {
  // Generic.
  std::string logfile;
  std::string pidfile;
  std::string listen_addr; ///< Separated by commas; "*" is every address. Empty: Unix sockets only.
  std::int64_t listen_port = 0;
  std::string unix_socket_dir; ///< "@..." is in the abstract namespace. Empty: none.
  std::int64_t unix_socket_mode = 0;
  std::string unix_socket_group;
  std::string user; ///< To become after the start as root.
  PoolMode pool_mode{};
  std::int64_t max_client_conn = 0;
  std::int64_t default_pool_size = 0;
  std::int64_t min_pool_size = 0;
  std::int64_t reserve_pool_size = 0;
  Duration reserve_pool_timeout{};
  std::int64_t max_server_connections = 0; ///< Ours: of all pools; see docs/pool.md.
  std::int64_t max_db_connections = 0;
  std::int64_t max_db_client_connections = 0;
  std::int64_t max_user_connections = 0;
  std::int64_t max_user_client_connections = 0;
  bool server_round_robin = false;
  std::string track_extra_parameters;
  std::string ignore_startup_parameters;
  std::int64_t peer_id = 0;
  bool disable_pqexec = false;
  bool application_name_add_host = false;
  std::string conffile;
  std::string job_name;
  std::string service_name;
  Duration stats_period{};
  std::int64_t max_prepared_statements = 0;
  bool heal_cached_plans = false; ///< Ours, as those below.
  bool keep_session_settings = false;
  bool pin_sessions = false;
  bool share_listen = false;
  std::int64_t client_statements_size = 0; ///< Bytes of one client's named statements; 0: no limit.
  std::int64_t listen_queue_size = 0;      ///< Bytes of notifications that wait for one client.
  std::int64_t retry_serialization_failures = 0; ///< So many times; 0: never.
  std::int64_t scram_iterations = 0;
  Duration suspend_timeout{};
  // Authentication.
  AuthType auth_type{};
  std::string auth_file;
  std::string auth_hba_file;
  std::string auth_ident_file;
  std::string auth_user;
  std::string auth_query;
  std::string auth_dbname;
  std::string auth_ldap_options;
  // Log.
  bool syslog = false;
  std::string syslog_ident;
  std::string syslog_facility;
  bool log_connections = false;
  bool log_disconnections = false;
  bool log_pooler_errors = false;
  bool log_stats = false;
  std::int64_t verbose = 0;
  std::string metrics_listen; ///< A key of ours: where Prometheus is answered. Empty: nowhere.
  // Console.
  std::string admin_users;
  std::string stats_users;
  // Checks and timeouts.
  std::string server_reset_query;
  bool server_reset_query_always = false;
  Duration server_check_delay{};
  std::string server_check_query; ///< "<empty>" sends an empty query; empty checks nothing.
  bool server_fast_close = false;
  Duration server_lifetime{};
  Duration server_idle_timeout{};
  Duration server_connect_timeout{};
  Duration server_login_retry{};
  Duration client_login_timeout{};
  Duration autodb_idle_timeout{};
  Duration pool_idle_timeout{};
  Duration dns_max_ttl{};
  Duration dns_nxdomain_ttl{};
  Duration dns_zone_check_period{};
  std::string resolv_conf;
  Duration query_wait_notify{};
  std::string login_notify_message;
  Duration query_timeout{};
  Duration query_wait_timeout{};
  Duration cancel_wait_timeout{};
  Duration client_idle_timeout{};
  Duration idle_transaction_timeout{};
  Duration transaction_timeout{};
  // TLS.
  TlsMode client_tls_sslmode{};
  std::string client_tls_key_file;
  std::string client_tls_cert_file;
  std::string client_tls_ca_file;
  std::string client_tls_protocols;
  std::string client_tls_ciphers;
  std::string client_tls13_ciphers;
  std::string client_tls_ecdhcurve;
  std::string client_tls_dheparams;
  TlsMode server_tls_sslmode{};
  std::string server_tls_ca_file;
  std::string server_tls_key_file;
  std::string server_tls_cert_file;
  std::string server_tls_protocols;
  std::string server_tls_ciphers;
  std::string server_tls13_ciphers;
  // Network.
  std::int64_t pkt_buf = 0;
  std::int64_t max_packet_size = 0;
  std::int64_t listen_backlog = 0;
  std::int64_t sbuf_loopcnt = 0;
  bool so_reuseport = false;
  bool tcp_defer_accept = false;
  std::int64_t tcp_socket_buffer = 0;
  bool tcp_keepalive = false;
  std::int64_t tcp_keepcnt = 0;
  std::int64_t tcp_keepidle = 0;
  std::int64_t tcp_keepintvl = 0;
  std::int64_t tcp_user_timeout = 0; ///< Milliseconds.

  /// With all defaults.
  Settings();
};

struct SettingRow {
  using Member = std::variant<std::string Settings::*, std::int64_t Settings::*, bool Settings::*,
                              Duration Settings::*, PoolMode Settings::*, AuthType Settings::*,
                              TlsMode Settings::*>;
  std::string_view name;
  Member member;
  std::string_view fallback;   ///< As the ini file would have it.
  bool is_changeable = true;   ///< By RELOAD or SET; else at a start only.
  std::int64_t number_min = 0; ///< Of a number.
  std::int64_t number_max = INT32_MAX;
};
/// Ordered by name, as SHOW CONFIG shows them.
std::span<const SettingRow> setting_rows();
/// Null where there is none.
const SettingRow* find_setting(std::string_view name);

/// Errors: Code::config; `hint` has the nearest name or what would be right.
base::Result<> set(Settings& settings, std::string_view name, std::string_view value);
/// One setting as the other has it.
void copy(Settings& to, const Settings& from, const SettingRow& row);
/// As SHOW CONFIG shows it: numbers without needless digits, 0 and 1.
std::string shown(const Settings& settings, const SettingRow& row);

} // namespace pgkeep::pool
