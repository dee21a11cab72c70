/// The pooler of a stack: the files that it reads, and its process, which the supervisor keeps.
///
///   HOME/pool/pool.toml   what it does, written at each `up`
///   HOME/pool/pool.pid    its process
///   DIRECTORY/pooler.log  its log
///
/// It listens on localhost (TLS alone, with the server's certificate) and in the server's socket
/// folder, and reaches the server over the socket there, with the keys that each client's own login
/// brings. The roles' secrets are asked for from the server at each login (auth_query, as postgres:
/// the account that runs both administrates anyway), so that a new password counts at once and none
/// is stored. Threads: one object, one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/process.h"
#include "base/result.h"
#include "stack/layout.h"

namespace pgkeep::stack {

/// Writes what it reads.
base::Result<> write_pooler_files(const Layout& layout, const State& state,
                                  std::string_view database);
/// Whether there is anything to run.
bool has_pooler(const Layout& layout);

class Pooler {
public:
  using Clock = std::chrono::steady_clock;

  Pooler(const Layout& layout, std::optional<base::ProcessId> running)
      : layout_(layout), process_(running) {}

  /// Starts it where it does not run and is due. True where something changed.
  bool keep_up();
  /// When keep_up() has something to do next; nothing: not before its process ends.
  [[nodiscard]] std::optional<std::chrono::milliseconds> due_in() const;
  /// It reads its files again.
  void reload() const;
  /// Waits for the transactions that are under way, for a while.
  void stop();

  [[nodiscard]] const std::optional<base::ProcessId>& process() const { return process_; }
  [[nodiscard]] std::int32_t restarts() const { return restarts_; }
  [[nodiscard]] const std::string& last_error() const { return last_error_; }

private:
  void start();

  const Layout& layout_;
  std::optional<base::ProcessId> process_;
  Clock::time_point started_at_ = Clock::now();
  Clock::time_point next_start_ = Clock::now();
  std::chrono::milliseconds pause_{0};
  std::int32_t restarts_ = 0;
  std::string last_error_;
};

/// What a pooler that runs says of itself: its console, asked over the Unix socket as the account
/// that runs it. Nothing where we may not become that, or psql is missing.
struct PoolerFigures {
  std::int64_t clients = 0;
  std::int64_t waiting = 0; ///< Of the clients.
  std::int64_t servers = 0;
};
bool pooler_answers(const Layout& layout, int port);
std::optional<PoolerFigures> pooler_figures(const Layout& layout, int port);

} // namespace pgkeep::stack
