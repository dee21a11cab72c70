/// What Prometheus reads: `metrics_listen = 127.0.0.1:9127` serves counters, gauges and histograms
/// of every pool at /metrics, as OpenMetrics text.
///
/// The little of HTTP that a scrape needs is spoken here, by the thread that controls the pooler:
/// few connections at a time, a short request, no keep-alive, and a time for all of it, after which
/// the connection is closed whatever it does. A library would bring threads of its own, and still
/// not these limits. Private to src/pool. Threads: one object, one thread. Source: the OpenMetrics
/// specification (text format 1.0); RFC 9112.
#pragma once

#include <poll.h>

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "pool/accept_pause.h"
#include "pool/address.h"
#include "pool/console_show.h"

namespace pgkeep::pool {

/// Of all pools, but for what anybody can make up, or the first thousand by name: what is left out
/// then is counted.
std::string metrics_text(const Picture& picture);

/// What is answered to a request without a body, or with one where it is for the metrics.
struct MetricsWish {
  bool is_whole = false;   ///< Else more of it has to come.
  bool is_metrics = false; ///< Else `refusal` is the answer.
  std::string_view refusal = {};
};
MetricsWish metrics_wish_of(std::string_view request);

/// "127.0.0.1:9127", "[::1]:9127"; none where it is empty. Errors: Code::config.
base::Result<std::optional<SocketAddress>> metrics_address(std::string_view where);

class MetricsServer {
public:
  static constexpr std::size_t kConnectionsMax = 16;
  static constexpr std::size_t kRequestBytesMax = 8192;
  static constexpr std::int64_t kTimeUs = 5'000'000; ///< From its coming to its end.

  /// Listens nowhere.
  MetricsServer() = default;
  /// Errors: Code::config, Code::io.
  static base::Result<MetricsServer> open(std::string_view where);
  /// One that waits for its port where another process has it. Errors: as above.
  static base::Result<MetricsServer> open_when_free(std::string_view where);
  [[nodiscard]] bool is_waiting() const { return awaited_.has_value(); }
  /// Now and then; true where it has its port since now.
  bool try_again(std::int64_t now_us);

  /// What to wait for; not for the next one where accepting has just failed.
  void add_to(std::vector<pollfd>& sources) const;
  /// Takes and sends what can be; returns those that are to be given the metrics.
  std::vector<std::uint64_t> look(std::int64_t now_us);
  void answer(std::uint64_t connection, std::string text);
  /// Another process listens from now on; whoever is being answered gets his answer.
  void stop_listening() {
    listener_.reset();
    awaited_.reset();
  }

private:
  struct Connection {
    std::uint64_t number = 0;
    base::Fd fd;
    std::int64_t since_us = 0;
    std::string request = {};
    std::string response = {}; ///< Empty: not known yet.
    std::size_t sent = 0;
    bool is_asked = false; ///< For the metrics.
    bool is_over = false;
  };

  void accept(std::int64_t now_us);
  static void read(Connection& connection);
  static void write(Connection& connection);

  base::Fd listener_;
  std::optional<SocketAddress> awaited_; ///< Another process has it.
  std::int64_t next_try_us_ = 0;
  AcceptPause pause_;
  std::uint64_t last_number_ = 0;
  std::list<Connection> connections_;
};

} // namespace pgkeep::pool
