/// How fast work in many short transactions goes: as large a batch as takes the time it should,
/// pauses while standbys are behind, and rests between batches where the server has more to do
/// since we work. What backfills and shadow tables share.
///
/// The load we cause: sessions of others that wait for a lock, the disk or a place in memory (the
/// wait events Lock, IO, LWLock and BufferPin), counted once a second beside the count before the
/// first batch. While they are more than twice as many and three, rests of 1, 2, 4 and 8 times the
/// length of a batch stand between batches; they become shorter again as the others do. At worst
/// we work a ninth of the time, and never stop: the load may not be ours.
/// Source: PostgreSQL manual, monitoring-stats (Wait Event Types).
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
  /// Before each batch: lets standbys and others catch up. Looks once a second.
  base::Result<> throttle();
  /// Time spent in throttle().
  [[nodiscard]] std::chrono::milliseconds waited() const { return waited_; }

private:
  /// How things stand with others.
  struct Look {
    std::int64_t lag_ms = 0;
    std::int64_t active = 0;
    std::int64_t waiting = 0;
  };
  base::Result<Look> look();
  base::Result<> begin();
  base::Result<> rest();
  base::Result<> wait_while_behind();
  void weigh(const Look& now);

  postgres::Connection& eyes_;
  PaceOptions options_;
  std::function<void(Event)> tell_;
  std::int64_t size_;
  std::chrono::steady_clock::time_point looked_;
  bool has_begun_ = false;
  std::int64_t waiting_before_ = 0;   ///< Others that waited before the first batch.
  std::chrono::milliseconds took_{0}; ///< The last batch.
  int rest_ = 0;                      ///< Rests are this many times as long as a batch.
  std::chrono::milliseconds waited_{0};
};

} // namespace pgkeep::migrate
