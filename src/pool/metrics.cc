#include "pool/metrics.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "pool/address.h"
#include "pool/micros.h"

namespace pgkeep::pool {
namespace {

constexpr std::size_t kPoolsMax = 1000;
/// Prometheus counts in seconds.
double seconds(auto us) {
  return static_cast<double>(us) / static_cast<double>(kMicrosInSecond);
}
constexpr int kBacklog = 16;
constexpr std::int64_t kTryUs = kMicrosInSecond; ///< Between tries for a port that is not free.
constexpr std::string_view kHeadEnd = "\r\n\r\n";

/// A client may have any bytes for a name, and one label that is no UTF-8 spoils all of it.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : base::printable(text)) {
    if (c == '\\' || c == '"') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

/// auth_query asks a pool of the name that a client gives before it has proved who it is: where any
/// name will do ("*"), one that no server has taken yet may be made up.
bool may_be_made_up(const PoolCensus& each) {
  return each.pool->database().name == DatabaseDefinition::kFallback &&
         each.pool->welcome_epoch() == 0 && each.clients + each.clients_waiting == 0;
}

std::string labels_of(const PoolCensus& pool) {
  return fmt::format("database=\"{}\",user=\"{}\"", escaped(pool.pool->name()),
                     escaped(pool.pool->user()));
}

template <typename Counters>
struct CounterRow {
  std::string_view name;
  std::string_view help;
  std::uint64_t Counters::* value;
};
constexpr CounterRow<Traffic> kCounters[] = {
    {"transactions", "Transactions that were pooled.", &Traffic::xacts},
    {"queries", "Queries that were pooled.", &Traffic::queries},
    {"server_assignments", "Times a server was given to a client.", &Traffic::server_assignments},
    {"received_bytes", "Bytes from clients.", &Traffic::received},
    {"sent_bytes", "Bytes to clients.", &Traffic::sent},
    {"client_parses", "Named statements that clients prepared.", &Traffic::client_parses},
    {"server_parses", "Named statements that servers were told.", &Traffic::server_parses},
    {"binds", "Named statements that were bound.", &Traffic::binds},
};

constexpr CounterRow<Extras> kExtras[] = {
    {"pins", "Times a client began to keep its server beyond a transaction.", &Extras::pins},
    {"plans_healed", "Errors about changed plans that no client heard of.", &Extras::plans_healed},
    {"statements_retried", "Attempts more, of statements that lost a conflict.",
     &Extras::statements_retried},
};

struct StateRow {
  std::string_view state;
  int PoolCensus::* value;
};
constexpr StateRow kClients[] = {{"active", &PoolCensus::clients},
                                 {"waiting", &PoolCensus::clients_waiting}};
constexpr StateRow kServers[] = {{"active", &PoolCensus::servers_active},
                                 {"idle", &PoolCensus::servers_idle},
                                 {"used", &PoolCensus::servers_used},
                                 {"tested", &PoolCensus::servers_tested},
                                 {"login", &PoolCensus::servers_login},
                                 {"being_canceled", &PoolCensus::servers_being_canceled}};

struct HistogramRow {
  std::string_view name;
  std::string_view help;
  Histogram Durations::* value;
};
constexpr HistogramRow kHistograms[] = {
    {"wait_seconds", "How long clients waited for a server.", &Durations::wait},
    {"query_seconds", "How long queries took.", &Durations::query},
    {"transaction_seconds", "How long transactions took.", &Durations::xact},
};

void append_head(std::string& out, std::string_view name, std::string_view type,
                 std::string_view help) {
  out += fmt::format("# TYPE pgkeep_pool_{0} {1}\n# HELP pgkeep_pool_{0} {2}\n", name, type, help);
}

void append_histogram(std::string& out, std::string_view name, const std::string& labels,
                      const Histogram& histogram) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i <= Histogram::kBuckets; ++i) {
    sum += histogram.count(i);
    const std::string most =
        i == Histogram::kBuckets ? "+Inf" : fmt::format("{}", seconds(Histogram::most_us(i)));
    out += fmt::format("pgkeep_pool_{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, most, sum);
  }
  out += fmt::format("pgkeep_pool_{0}_sum{{{1}}} {2}\npgkeep_pool_{0}_count{{{1}}} {3}\n", name,
                     labels, seconds(histogram.sum_us()), sum);
}

template <std::size_t count>
void append_states(std::string& out, std::string_view name, std::string_view help,
                   std::span<const PoolCensus> pools, const StateRow (&rows)[count]) {
  append_head(out, name, "gauge", help);
  for (const PoolCensus& pool : pools) {
    const std::string labels = labels_of(pool);
    for (const StateRow& row : rows)
      out += fmt::format("pgkeep_pool_{}{{{},state=\"{}\"}} {}\n", name, labels, row.state,
                         pool.*row.value);
  }
}

/// What PgBouncer does not do.
void append_extras(std::string& out, std::span<const PoolCensus> pools) {
  const auto append_holds = [&](std::string_view name, std::string_view suffix, auto value_of) {
    for (const PoolCensus& pool : pools) {
      for (std::size_t i = 0; i < wire::kHoldNames.size(); ++i)
        out += fmt::format("pgkeep_pool_{}{}{{{},what=\"{}\"}} {}\n", name, suffix, labels_of(pool),
                           wire::kHoldNames[i], value_of(pool, i));
    }
  };
  for (const CounterRow<Extras>& row : kExtras) {
    append_head(out, row.name, "counter", row.help);
    for (const PoolCensus& pool : pools)
      out += fmt::format("pgkeep_pool_{}_total{{{}}} {}\n", row.name, labels_of(pool),
                         pool.extras.*row.value);
  }
  append_head(out, "holds", "counter", "Times a client began to hold what keeps it at its server.");
  append_holds("holds", "_total",
               [](const PoolCensus& pool, std::size_t i) { return pool.extras.pins_for[i]; });
  append_head(out, "pinned_clients", "gauge", "Clients that keep their server now.");
  for (const PoolCensus& pool : pools)
    out +=
        fmt::format("pgkeep_pool_pinned_clients{{{}}} {}\n", labels_of(pool), pool.clients_pinned);
  append_head(out, "listening_clients", "gauge", "Clients that the pool's connection listens for.");
  for (const PoolCensus& pool : pools)
    out += fmt::format("pgkeep_pool_listening_clients{{{}}} {}\n", labels_of(pool),
                       pool.clients_listening);
  append_head(out, "holding_clients", "gauge",
              "Clients that hold what keeps them at their server.");
  append_holds("holding_clients", "",
               [](const PoolCensus& pool, std::size_t i) { return pool.clients_holding[i]; });
}

/// 0 where it listens then, else what errno says.
int listen_at(const SocketAddress& address, base::Fd& listener) {
  base::Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int yes = 1;
  if (!fd.is_open() || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
      ::bind(fd.get(), address.get(), address.bytes) != 0 || ::listen(fd.get(), kBacklog) != 0)
    return errno;
  listener = std::move(fd);
  return 0;
}

base::Error cannot_listen(std::string_view where, int problem) {
  return {.code = base::Code::io,
          .what = std::generic_category().message(problem),
          .where = fmt::format("metrics_listen = {}", where)};
}

} // namespace

std::string metrics_text(const Picture& picture) {
  std::vector<PoolCensus> shown;
  std::size_t left_out = 0;
  for (const PoolCensus& each : picture.pools) {
    if (may_be_made_up(each)) continue;
    if (shown.size() < kPoolsMax) {
      shown.push_back(each);
    } else {
      ++left_out;
    }
  }
  const std::span<const PoolCensus> pools(shown);
  std::string out;
  for (const CounterRow<Traffic>& row : kCounters) {
    append_head(out, row.name, "counter", row.help);
    for (const PoolCensus& pool : pools)
      out += fmt::format("pgkeep_pool_{}_total{{{}}} {}\n", row.name, labels_of(pool),
                         pool.traffic.*row.value);
  }
  append_extras(out, pools);
  append_states(out, "clients", "Clients of the pool.", pools, kClients);
  append_states(out, "servers", "Servers of the pool.", pools, kServers);
  append_head(out, "size", "gauge", "The most servers that the pool may have; 0: no limit.");
  for (const PoolCensus& pool : pools)
    out += fmt::format("pgkeep_pool_size{{{}}} {}\n", labels_of(pool), pool.pool->size());
  append_head(out, "longest_wait_seconds", "gauge",
              "How long the first waiting client has waited.");
  for (const PoolCensus& pool : pools) {
    const Micros wait =
        pool.waiting_since == 0 ? 0 : std::max<Micros>(0, picture.now - pool.waiting_since);
    out +=
        fmt::format("pgkeep_pool_longest_wait_seconds{{{}}} {}\n", labels_of(pool), seconds(wait));
  }
  for (const HistogramRow& row : kHistograms) {
    append_head(out, row.name, "histogram", row.help);
    for (const PoolCensus& pool : pools)
      append_histogram(out, row.name, labels_of(pool), pool.durations.*row.value);
  }
  const auto append_number = [&](std::string_view name, std::string_view help, std::size_t value) {
    append_head(out, name, "gauge", help);
    out += fmt::format("pgkeep_pool_{} {}\n", name, value);
  };
  append_number("connections", "Clients in all, whatever they do.",
                static_cast<std::size_t>(picture.clients));
  append_number("is_paused", "Whether PAUSE or SUSPEND was ordered for all.",
                picture.regime.pause == PauseMode::none ? 0 : 1);
  append_number("pools_left_out", "Pools that are not shown: there are too many.", left_out);
  return out + "# EOF\n";
}

MetricsWish metrics_wish_of(std::string_view request) {
  const std::size_t end = request.find(kHeadEnd);
  if (end == std::string_view::npos) {
    if (request.size() < MetricsServer::kRequestBytesMax) return {};
    return {.is_whole = true, .refusal = "431 Request Header Fields Too Large"};
  }
  const std::string_view line = request.substr(0, request.find("\r\n"));
  const std::size_t method_end = line.find(' ');
  const std::size_t path_end = line.rfind(" HTTP/1.");
  if (method_end == std::string_view::npos || path_end == std::string_view::npos ||
      path_end <= method_end)
    return {.is_whole = true, .refusal = "400 Bad Request"};
  if (line.substr(0, method_end) != "GET")
    return {.is_whole = true, .refusal = "405 Method Not Allowed"};
  std::string_view path = line.substr(method_end + 1, path_end - method_end - 1);
  path = path.substr(0, path.find('?'));
  if (path != "/metrics") return {.is_whole = true, .refusal = "404 Not Found"};
  return {.is_whole = true, .is_metrics = true};
}

base::Result<std::optional<SocketAddress>> metrics_address(std::string_view where) {
  if (where.empty()) return std::optional<SocketAddress>();
  const std::size_t colon = where.rfind(':');
  std::string_view host = where.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::uint16_t port = 0;
  bool is_sound = colon != std::string_view::npos;
  if (is_sound) {
    const char* const end = where.data() + where.size();
    const auto [stop, failure] = std::from_chars(where.data() + colon + 1, end, port);
    is_sound = failure == std::errc() && stop == end && port > 0;
  }
  auto address = is_sound ? numeric_address(host, port) : std::nullopt;
  if (!address)
    return base::Error{.code = base::Code::config,
                       .what = fmt::format("metrics_listen = {} is no address", where),
                       .expected = "an address and a port, such as 127.0.0.1:9127 or [::1]:9127"};
  return address;
}

base::Result<MetricsServer> MetricsServer::open(std::string_view where) {
  PGKEEP_TRY(MetricsServer server, open_when_free(where));
  if (server.is_waiting()) return cannot_listen(where, EADDRINUSE);
  return server;
}

base::Result<MetricsServer> MetricsServer::open_when_free(std::string_view where) {
  PGKEEP_TRY(const std::optional<SocketAddress> address, metrics_address(where));
  MetricsServer server;
  if (!address) return server;
  const int problem = listen_at(*address, server.listener_);
  if (problem == EADDRINUSE) {
    server.awaited_ = address;
  } else if (problem != 0) {
    return cannot_listen(where, problem);
  }
  return server;
}

bool MetricsServer::try_again(std::int64_t now_us) {
  if (!awaited_ || now_us < next_try_us_) return false;
  next_try_us_ = now_us + kTryUs;
  if (listen_at(*awaited_, listener_) != 0) return false;
  awaited_.reset();
  return true;
}

void MetricsServer::add_to(std::vector<pollfd>& sources) const {
  // Nobody is accepted while there are as many as there may be: the kernel keeps the next ones.
  if (listener_.is_open() && connections_.size() < kConnectionsMax && !pause_.is_on())
    sources.push_back({.fd = listener_.get(), .events = POLLIN, .revents = 0});
  for (const Connection& each : connections_) {
    const short events = each.response.empty() ? POLLIN : POLLOUT;
    if (!each.is_asked || !each.response.empty())
      sources.push_back({.fd = each.fd.get(), .events = events, .revents = 0});
  }
}

std::vector<std::uint64_t> MetricsServer::look(std::int64_t now_us) {
  std::vector<std::uint64_t> asked;
  pause_.end_if_over(now_us);
  if (listener_.is_open()) accept(now_us);
  for (Connection& each : connections_) {
    if (now_us - each.since_us > kTimeUs) each.is_over = true;
    if (!each.is_over && !each.is_asked && each.response.empty()) {
      read(each);
      if (each.is_asked) asked.push_back(each.number);
    }
    if (!each.is_over && !each.response.empty()) write(each);
  }
  std::erase_if(connections_, [](const Connection& each) { return each.is_over; });
  return asked;
}

void MetricsServer::accept(std::int64_t now_us) {
  while (connections_.size() < kConnectionsMax && !pause_.is_on()) {
    base::Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.is_open()) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      pause_.note(errno, now_us);
      return;
    }
    connections_.push_back({.number = ++last_number_, .fd = std::move(fd), .since_us = now_us});
  }
}

void MetricsServer::read(Connection& connection) {
  std::array<char, 4096> bytes; // NOLINT(*-member-init): the kernel fills it.
  for (;;) {
    const ssize_t count = ::recv(connection.fd.get(), bytes.data(), bytes.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
      connection.is_over = true;
      return;
    }
    connection.request.append(bytes.data(), static_cast<std::size_t>(count));
    const MetricsWish wish = metrics_wish_of(connection.request);
    if (!wish.is_whole) continue;
    connection.is_asked = wish.is_metrics;
    if (!wish.is_metrics)
      connection.response = fmt::format(
          "HTTP/1.1 {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", wish.refusal);
    return;
  }
}

void MetricsServer::write(Connection& connection) {
  const std::string_view rest = std::string_view(connection.response).substr(connection.sent);
  const ssize_t count = ::send(connection.fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count < 0) {
    connection.is_over = true;
    return;
  }
  connection.sent += static_cast<std::size_t>(count);
  connection.is_over = connection.sent == connection.response.size();
}

void MetricsServer::answer(std::uint64_t connection, std::string text) {
  const auto found = std::ranges::find(connections_, connection, &Connection::number);
  if (found == connections_.end()) return; // Its time was over.
  found->response = fmt::format("HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text; "
                                "version=1.0.0; charset=utf-8\r\nContent-Length: {}\r\n"
                                "Connection: close\r\n\r\n{}",
                                text.size(), text);
  write(*found);
}

} // namespace pgkeep::pool
