/// The way to an open libpq connection: reading the connection string, connecting with a limit of
/// time, and saying why not. Private to this folder. Threads: plain functions; a connection belongs
/// to one thread at a time. Source: PostgreSQL manual, libpq-connect and libpq-status; texts of
/// failures: fe-connect.c of libpq 15.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

struct pg_conn; // libpq's own header stays in the .cc files.

namespace pgkeep::postgres {

struct FinishConnection {
  void operator()(pg_conn* connection) const noexcept;
};
using PgConnection = std::unique_ptr<pg_conn, FinishConnection>;

/// Of libpq's texts, which may be null.
inline std::string text_or_empty(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

/// What a connection string says, as libpq's keywords and values. May hold a password: never print
/// it.
struct Conninfo {
  std::vector<std::pair<std::string, std::string>> values;
  [[nodiscard]] std::string get(std::string_view keyword) const; ///< Empty where it is not given.
  void set(std::string_view keyword, std::string value);
  void set_default(std::string_view keyword, std::string value);
};

/// Errors: Code::usage, which never repeats the text.
base::Result<Conninfo> parse_conninfo(const std::string& target);

/// Connects. `limit` holds for each host of the list, as connect_timeout does, which wins where it
/// is given. Resolving a name is libpq's and the system's: its time is that of the resolver.
base::Result<PgConnection> connect(const Conninfo& conninfo, std::chrono::milliseconds limit);

/// "10.0.0.5:5432/app", "[::1]:5432/app", "/run/x:5432/app"; all hosts of a list while none is
/// chosen.
std::string label_of(const pg_conn* connection);
std::string label_of(std::string_view hosts, std::string_view ports, std::string_view database);

/// One line without a full stop, and with *** for each secret.
std::string clean_message(std::string_view message, const std::vector<std::string>& secrets);

/// What the server itself says in a line of a verbose message: "FATAL:  57P01: text", the severity
/// in the server's language.
struct ServerWords {
  std::string sqlstate;
  std::string text;
};
std::optional<ServerWords> server_words(std::string_view line);

/// Judges what libpq says about a connection that failed (with verbosity "verbose", so that the
/// SQLSTATE is in it).
base::Error connect_failure(std::string_view message, std::string where,
                            const std::vector<std::string>& secrets);

/// The error for a connection string or an option that libpq does not accept; the message may hold
/// parts of it and is not shown.
base::Error conninfo_failure(std::string_view message);

} // namespace pgkeep::postgres
