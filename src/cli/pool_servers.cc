#include "cli/pool_servers.h"

#include <charconv>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "postgres/conn.h"

namespace pgkeep::cli {
namespace {

constexpr std::chrono::milliseconds kConnectLimit{3000};
constexpr std::chrono::milliseconds kStatementLimit{3000};
constexpr std::size_t kServersMax = 16;

/// reserved_connections is of PostgreSQL 16 and later.
const std::string kQuestion =
    "SELECT current_setting('max_connections')::bigint"
    " - current_setting('superuser_reserved_connections')::bigint"
    " - coalesce(current_setting('reserved_connections', true), '0')::bigint";

std::string conninfo_of(const pool::Check::Server& server, const pool::Check::Tls& tls) {
  const std::string port = fmt::format("{}", server.port);
  const std::pair<std::string_view, std::string_view> parts[] = {
      {"host", server.host},
      {"port", port},
      {"dbname", server.database},
      {"user", server.user},
      {"sslmode", tls.mode},
      {"sslrootcert", tls.ca_file},
      {"sslkey", tls.key_file},
      {"sslcert", tls.certificate_file},
      {"password", server.password.reveal()}};
  std::string text;
  for (const auto& [name, value] : parts) {
    if (value.empty()) continue;
    text += fmt::format("{}{}='", text.empty() ? "" : " ", name);
    for (const char c : value) {
      if (c == '\'' || c == '\\') text.push_back('\\');
      text.push_back(c);
    }
    text.push_back('\'');
  }
  return text;
}

base::Result<std::int64_t> ask(const pool::Check::Server& server, const pool::Check::Tls& tls) {
  PGKEEP_TRY(auto connection, postgres::Connection::open(conninfo_of(server, tls),
                                                         {.application_name = "pgkeep/pool",
                                                          .connect_limit = kConnectLimit,
                                                          .statement_limit = kStatementLimit}));
  PGKEEP_TRY(const postgres::Rows rows, connection.query(kQuestion));
  const std::string_view text = rows.text(0, 0);
  std::int64_t given = 0;
  std::from_chars(text.data(), text.data() + text.size(), given);
  return given;
}

} // namespace

std::vector<ServerLimit> limits_of(const pool::Check& check) {
  std::vector<ServerLimit> limits;
  for (const pool::Check::Server& server : check.servers) {
    ServerLimit limit{.server = fmt::format("{}:{}", server.host, server.port),
                      .wanted = server.wanted,
                      .may_be_more = server.may_be_more};
    if (!server.is_user_known) {
      limit.problem = "no file has a user's password";
    } else if (limits.size() >= kServersMax) {
      limit.problem = fmt::format("only {} servers are asked", kServersMax);
    } else if (auto given = ask(server, check.tls)) {
      limit.given = *given;
    } else {
      limit.problem = given.error().what;
    }
    limits.push_back(std::move(limit));
  }
  return limits;
}

std::string warning_of(const ServerLimit& limit) {
  if (!limit.given || *limit.given >= limit.wanted) return {};
  return fmt::format("{} gives {} connections (max_connections without those that are reserved), "
                     "and the pools may ask for {}{}: lower pool_size, or set max_db_connections "
                     "or max_server_connections",
                     limit.server, *limit.given, limit.may_be_more ? "at least " : "",
                     limit.wanted);
}

} // namespace pgkeep::cli
