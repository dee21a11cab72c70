/// What the ini file says of databases, users and peers: where a database is, and what differs for
/// it from the settings of all.
///
/// Threads: plain values. Source: PgBouncer's manual, config (Section [databases], [users],
/// [peers]); application_name is known to the program alone.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "pool/settings.h"

namespace pgkeep::pool {

enum class LoadBalance : std::uint8_t { round_robin, disable };
enum class SessionAttributes : std::uint8_t { any, read_write, read_only, primary, standby };

/// What a database or a user may have of its own; empty: as the settings say. 0 is kept where it
/// says something of its own: a pool_size without a limit, a query_wait_timeout that never comes.
struct Overrides {
  std::optional<std::int64_t> pool_size;
  std::optional<std::int64_t> min_pool_size;
  std::optional<std::int64_t> reserve_pool_size;
  std::optional<PoolMode> pool_mode;
  std::optional<std::int64_t> max_connections;        ///< max_db_..., max_user_connections.
  std::optional<std::int64_t> max_client_connections; ///< The same of clients.
  std::optional<Duration> server_lifetime;
  std::optional<Duration> query_timeout;
  std::optional<Duration> query_wait_timeout;
  std::optional<Duration> idle_transaction_timeout;
  std::optional<Duration> transaction_timeout;
  std::optional<Duration> client_idle_timeout;
};

struct DatabaseDefinition {
  static constexpr std::string_view kFallback = "*"; ///< Stands for every name that has no other.

  std::string name;                    ///< As clients call it.
  std::string dbname = {};             ///< As the server does; empty: the same.
  std::vector<std::string> hosts = {}; ///< Empty: a Unix socket. "/..." and "@..." are folders.
  std::uint16_t port = 5432;
  std::string user = {}; ///< Every client becomes this one at the server.
  base::Secret password = {};
  std::optional<std::string> auth_user = {};
  std::optional<std::string> auth_query = {};
  std::optional<std::string> auth_dbname = {};
  std::string connect_query = {};
  LoadBalance load_balance_hosts = LoadBalance::round_robin;
  SessionAttributes target_session_attrs = SessionAttributes::any;
  /// Asked of a server at its start: client_encoding, datestyle, timezone, application_name.
  std::vector<std::pair<std::string, std::string>> startup = {};
  Overrides own = {};
};

struct UserDefinition {
  std::string name;
  Overrides own = {};
};

struct PeerDefinition {
  std::int64_t id = 0;
  std::string host = {};
  std::uint16_t port = 6432;
  std::optional<std::int64_t> pool_size = {};
};

/// What kind of value an option of a database, a user or a peer has.
enum class OptionKind : std::uint8_t { text, number, duration };
struct OptionRow {
  std::string_view name;
  OptionKind kind = OptionKind::text;
};
std::span<const OptionRow> database_options();
std::span<const OptionRow> user_options();
std::span<const OptionRow> peer_options();

/// What counts of an option's value, 20 of "20;", as PgBouncer reads it; none: nothing does.
std::optional<std::int64_t> option_number(std::string_view text);
std::optional<Duration> option_duration(std::string_view text);
/// Of a timeout below 0, which PgBouncer takes for a very large number.
inline constexpr Duration kNever = std::chrono::hours(24 * 365 * 30);

/// What was passed over, as PgBouncer does without a word: without a place.
using Notes = std::vector<std::string>;

/// Of a name and what stands behind it. Errors: Code::config without a place, in PgBouncer's words
/// where it has any.
base::Result<DatabaseDefinition> database_of(std::string_view name, std::string_view options,
                                             Notes& notes);
base::Result<UserDefinition> user_of(std::string_view name, std::string_view options, Notes& notes);
base::Result<PeerDefinition> peer_of(std::string_view id, std::string_view options, Notes& notes);

} // namespace pgkeep::pool
