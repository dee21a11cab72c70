/// How fast work in many short transactions goes: as large a batch as takes the time it should, and
/// pauses while standbys or the machine are behind. What backfills and shadow tables share.
///
/// Threads: one. Errors: Code::cancelled when interrupted; the server's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "base/result.h"
#include "migrate/events.h"
#include "postgres/conn.h"

namespace pgkeep::migrate {

struct PaceOptions {
  std::int64_t size_max = 5'000;
  std::chrono::milliseconds lag_max{10'000}; ///< Pauses while a standby is further behind.
  /// A batch is made as long as this takes.
  std::chrono::milliseconds target{20};
  int active_max = 0; ///< Pauses while more sessions are at work; 0 = does not look.
};

class Pace {
public:
  Pace(postgres::Connection& eyes, PaceOptions options, std::function<void(Event)> tell);

  [[nodiscard]] std::int64_t size() const { return size_; }
  /// After a batch of `rows`: the next one is larger or smaller. Fewer than size() say nothing.
  void adapt(std::chrono::milliseconds took, std::int64_t rows);
  /// After a batch that could not be done.
  void shrink();
  /// Lets standbys and the machine catch up. Looks once a second.
  base::Result<> throttle();
  /// Time spent in throttle().
  [[nodiscard]] std::chrono::milliseconds waited() const { return waited_; }

private:
  postgres::Connection& eyes_;
  PaceOptions options_;
  std::function<void(Event)> tell_;
  std::int64_t size_;
  std::chrono::steady_clock::time_point looked_;
  std::chrono::milliseconds waited_{0};
};

} // namespace pgkeep::migrate
