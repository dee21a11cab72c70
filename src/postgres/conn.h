/// A connection to a server for ordinary work, by libpq: RAII, time limits, cancellation, errors as
/// ours.
///
/// Threads: a Connection belongs to one thread at a time; cancel() may be called from any thread.
/// Errors: Code::unreachable (no answer, or not a PostgreSQL), Code::refused (authentication, no
/// such database, too many clients, server older than 14), Code::sql (a statement failed; sqlstate
/// set), Code::timeout, Code::cancelled. `where` is host:port/db, never a password: messages of
/// libpq are cleaned of what the connection string holds.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "postgres/types.h"

namespace pgkeep::postgres {

/// The rows of one statement, as text. Views stay valid while the Rows live.
class Rows {
public:
  Rows();
  Rows(Rows&&) noexcept;
  Rows& operator=(Rows&&) noexcept;
  ~Rows();
  [[nodiscard]] int count() const;
  [[nodiscard]] int column_count() const;
  [[nodiscard]] std::string_view column_name(int column) const;
  /// -1 where there is no such column.
  [[nodiscard]] int column_index(std::string_view name) const;
  [[nodiscard]] bool is_null(int row, int column) const;
  [[nodiscard]] std::string_view text(int row, int column) const; ///< Empty for NULL.
  [[nodiscard]] std::string_view command_tag() const;

private:
  friend class Connection;
  struct Impl;
  explicit Rows(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct ConnectOptions {
  std::string application_name = "pgkeep";
  bool read_only = true; ///< default_transaction_read_only=on.
  std::chrono::milliseconds connect_limit{10'000};
  std::optional<std::chrono::milliseconds> statement_limit =
      std::chrono::milliseconds{30'000}; ///< statement_timeout; nullopt = 0 (none).
  std::optional<std::chrono::milliseconds> lock_limit =
      std::chrono::milliseconds{2'000}; ///< lock_timeout; nullopt = 0 (none).
  /// search_path = pg_catalog; false leaves what the role and the database say, for statements that
  /// are not ours.
  bool own_search_path = true;
  /// idle_in_transaction_session_timeout; nullopt = 0 (none). A pgkeep that hangs or was suspended
  /// must not hold a snapshot or locks for longer.
  std::optional<std::chrono::milliseconds> idle_limit = std::chrono::milliseconds{60'000};
  /// What the server says beside its answers: "NOTICE", "relation \"x\" already exists, skipping".
  /// Empty: nobody listens.
  std::function<void(std::string_view severity, std::string_view text)> on_notice = {};
};

class Connection {
public:
  /// target: URI, conninfo or empty (PG* variables, .pgpass, service file as libpq does).
  static base::Result<Connection> open(const std::string& target,
                                       const ConnectOptions& options = {});
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  /// One statement; parameters go as $1, $2 (nullopt = NULL). Types are inferred by the server.
  base::Result<Rows> query(const std::string& sql,
                           std::span<const std::optional<std::string>> parameters = {});
  /// One or more statements without parameters, as a simple query; result rows are discarded. For
  /// scripts.
  base::Result<> execute(const std::string& sql);
  /// COPY ... FROM STDIN with what it reads, in the statement's format. Any other statement runs as
  /// in query(), and the data is left alone.
  base::Result<Rows> copy_in(const std::string& sql, std::string_view data);
  /// The protocol's Parse and Describe, of the unnamed statement: names and types are looked up,
  /// and nothing is run. How many parameters it takes.
  base::Result<int> prepare(const std::string& sql);

  [[nodiscard]] ServerVersion version() const;
  [[nodiscard]] const std::string&
  label() const; ///< "10.0.0.5:5432/app" or "/run/x:5432/app": for messages.
  [[nodiscard]] std::string host() const; ///< Host or socket directory as connected.
  [[nodiscard]] int port() const;
  [[nodiscard]] std::string database() const;
  [[nodiscard]] std::string user() const;
  [[nodiscard]] bool is_local_socket() const;
  [[nodiscard]] int socket() const;
  [[nodiscard]] int backend_pid() const;
  /// A transaction is open, whole or failed.
  [[nodiscard]] bool is_in_transaction() const;
  /// Another backend may answer each transaction: a pooler in transaction mode stands between.
  [[nodiscard]] bool is_pooled() const;
  /// Where the statement that failed last is wrong: characters from 1; 0 = the server did not say.
  [[nodiscard]] int last_error_position() const;
  /// DISCARD ALL and our own settings again; behind a pooler nothing is done. No transaction may be
  /// open.
  base::Result<> reset_session();
  /// Asks the server to cancel the running statement. Safe from any thread and from a signal
  /// handler's helper thread.
  base::Result<> cancel();
  /// The same server and options, another database. Password and TLS settings are taken over.
  [[nodiscard]] base::Result<Connection> open_database(const std::string& database) const;

private:
  struct Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Parses "{a,\"b c\",NULL}" (one dimension). NULL items become empty text.
std::vector<std::string> parse_array(std::string_view literal);

} // namespace pgkeep::postgres
