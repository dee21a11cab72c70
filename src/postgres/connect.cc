// PQconnectPoll() does not know connect_timeout and cannot give up one host of a list, so a host
// that stays silent until its limit is taken out of the list, and libpq starts again with the rest.
// target_session_attrs stays libpq's affair.

#include "postgres/connect.h"

#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"

namespace pgkeep::postgres {
namespace {

using Steady = std::chrono::steady_clock;
using OptionsPtr = std::unique_ptr<PQconninfoOption, base::Release<PQconninfoFree>>;

/// What holds after service file, environment and defaults.
Conninfo effective(pg_conn* connection) {
  Conninfo conninfo;
  const OptionsPtr options(PQconninfo(connection));
  for (const PQconninfoOption* option = options.get();
       option != nullptr && option->keyword != nullptr; ++option) {
    if (option->val != nullptr) conninfo.set(option->keyword, option->val);
  }
  return conninfo;
}

/// A text that equals something public is no secret worth hiding, and hiding it would spoil the
/// message.
std::vector<std::string> secrets_of(const pg_conn* connection, const Conninfo& info) {
  std::vector<std::string> secrets;
  const char* used = PQpass(connection);
  for (std::string secret :
       {info.get("password"), info.get("sslpassword"), std::string(used == nullptr ? "" : used)}) {
    const bool is_public = secret.empty() || secret == info.get("user") ||
                           secret == info.get("dbname") || secret == info.get("host");
    if (!is_public) secrets.push_back(std::move(secret));
  }
  return secrets;
}

std::chrono::milliseconds limit_of(const Conninfo& info, std::chrono::milliseconds fallback) {
  const std::string text = info.get("connect_timeout");
  int seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  // Zero means "for ever" in libpq; nothing here waits for ever.
  return seconds > 0 ? std::chrono::milliseconds(std::chrono::seconds(seconds)) : fallback;
}

PgConnection start(const Conninfo& conninfo) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : conninfo.values) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  PgConnection connection(PQconnectStartParams(keywords.data(), values.data(), 0));
  if (connection != nullptr) {
    PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);
    // libpq's own receiver prints to stderr.
    PQsetNoticeReceiver(connection.get(), [](void*, const PGresult*) {}, nullptr);
  }
  return connection;
}

bool wait_for_socket(int socket, short events, Steady::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now());
    if (left.count() <= 0) return false;
    pollfd entry{.fd = socket, .events = events, .revents = 0};
    const int ready =
        ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

enum class Progress : std::uint8_t { open, failed, silent };

/// Polls until the connection is open or failed; silent: one host used up its limit. libpq goes on
/// to the next host or address by itself where one fails, and each gets its own time.
Progress poll_until_open(pg_conn* connection, std::chrono::milliseconds limit) {
  auto deadline = Steady::now() + limit;
  std::string address;
  PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
  while (true) {
    const char* now_at = PQhostaddr(connection);
    const char* host = PQhost(connection);
    std::string current = fmt::format("{} {} {}", host == nullptr ? "" : host,
                                      now_at == nullptr ? "" : now_at, PQport(connection));
    if (current != address) {
      address = std::move(current);
      deadline = Steady::now() + limit;
    }
    const short events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    if (!wait_for_socket(PQsocket(connection), events, deadline)) return Progress::silent;
    wanted = PQconnectPoll(connection);
    if (wanted == PGRES_POLLING_OK) return Progress::open;
    if (wanted == PGRES_POLLING_FAILED) return Progress::failed;
  }
}

/// Takes the host that the connection is at out of the lists. False where it was the last one.
bool drop_current_host(const pg_conn* connection, const Conninfo& info, Conninfo& conninfo) {
  std::vector<std::string> hosts = base::split(info.get("host"), ',');
  std::vector<std::string> addresses = base::split(info.get("hostaddr"), ',');
  std::vector<std::string> ports = base::split(info.get("port"), ',');
  const std::size_t count = std::max(hosts.size(), addresses.size());
  if (count < 2) return false;
  const bool has_hosts = hosts.size() == count;
  const bool has_addresses = addresses.size() == count;
  if (ports.size() != count) ports.assign(count, ports.empty() ? "" : ports.front());
  const auto is_current = [&](std::size_t index) {
    const bool is_port = ports[index] == PQport(connection) ||
                         (ports[index].empty() && PQport(connection) == std::string_view("5432"));
    if (has_addresses && !addresses[index].empty())
      return is_port && addresses[index] == PQhostaddr(connection);
    return is_port && has_hosts && hosts[index] == PQhost(connection);
  };
  std::size_t index = 0;
  while (index < count && !is_current(index))
    ++index;
  if (index == count)
    index = 0; // An empty entry (the default host); progress matters more than which one.
  const auto erase = [&](std::vector<std::string>& list) {
    list.erase(list.begin() + static_cast<std::ptrdiff_t>(index));
  };
  if (has_hosts) {
    erase(hosts);
    conninfo.set("host", base::join(hosts, ","));
  }
  if (has_addresses) {
    erase(addresses);
    conninfo.set("hostaddr", base::join(addresses, ","));
  }
  erase(ports);
  conninfo.set("port", base::join(ports, ","));
  return true;
}

base::Error silent_error(const pg_conn* connection, std::chrono::milliseconds limit,
                         std::string where) {
  const ConnStatusType status = PQstatus(connection);
  const bool is_accepted =
      status != CONNECTION_STARTED && status != CONNECTION_NEEDED && status != CONNECTION_BAD;
  const std::string time = base::human_duration(limit);
  return {.code = base::Code::unreachable,
          .what =
              is_accepted
                  ? fmt::format("the connection was accepted, but no PostgreSQL answered within {}",
                                time)
                  : fmt::format("no answer within {}", time),
          .where = std::move(where),
          .hint = is_accepted ? "Check that a PostgreSQL is at this port, and that it is not stuck."
                              : "Check host and port, the network and firewalls."};
}

base::Error out_of_memory() {
  return {.code = base::Code::io, .what = "out of memory"};
}

} // namespace

void FinishConnection::operator()(pg_conn* connection) const noexcept {
  PQfinish(connection);
}

std::string label_of(std::string_view hosts, std::string_view ports, std::string_view database) {
  const std::vector<std::string> names = base::split(hosts, ',');
  const std::vector<std::string> numbers = base::split(ports, ',');
  std::vector<std::string> parts;
  for (std::size_t index = 0; index < names.size(); ++index) {
    const std::string port = numbers.size() == names.size() ? numbers[index]
                             : numbers.empty()              ? ""
                                                            : numbers.front();
    const bool is_ipv6 =
        names[index].find(':') != std::string::npos && !names[index].starts_with('/');
    parts.push_back(fmt::format("{}:{}", is_ipv6 ? "[" + names[index] + "]" : names[index],
                                port.empty() ? "5432" : port));
  }
  const std::string places = base::join(parts, ",");
  return database.empty() ? places : fmt::format("{}/{}", places, database);
}

std::string label_of(const pg_conn* connection) {
  return label_of(text_or_empty(PQhost(connection)), text_or_empty(PQport(connection)),
                  text_or_empty(PQdb(connection)));
}

base::Result<PgConnection> connect(const Conninfo& conninfo, std::chrono::milliseconds limit) {
  Conninfo attempt = conninfo;
  std::string all_places;
  while (true) {
    PgConnection connection = start(attempt);
    if (connection == nullptr) return out_of_memory();
    const Conninfo info = effective(connection.get());
    const std::vector<std::string> secrets = secrets_of(connection.get(), info);
    if (all_places.empty()) {
      const std::string hosts = info.get("host").empty() ? info.get("hostaddr") : info.get("host");
      all_places = hosts.find(',') != std::string::npos
                       ? label_of(hosts, info.get("port"), info.get("dbname"))
                       : label_of(connection.get());
    }
    const std::string_view message = PQerrorMessage(connection.get());
    if (PQstatus(connection.get()) == CONNECTION_BAD) {
      const bool is_option = conninfo_failure(message).what != conninfo_failure({}).what;
      return is_option ? conninfo_failure(message) : connect_failure(message, all_places, secrets);
    }
    const auto own_limit = limit_of(info, limit);
    switch (poll_until_open(connection.get(), own_limit)) {
    case Progress::open:
      return connection;
    case Progress::failed:
      return connect_failure(PQerrorMessage(connection.get()), all_places, secrets);
    case Progress::silent:
      if (!drop_current_host(connection.get(), info, attempt))
        return silent_error(connection.get(), own_limit, all_places);
    }
  }
}

} // namespace pgkeep::postgres
