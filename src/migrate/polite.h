/// Runs statements that need strong locks without making anybody wait: short tries, pauses between
/// them outside of the lock queue, and the names of those who are in the way.
///
/// A statement that waits for ACCESS EXCLUSIVE makes every later reader wait behind it; one that
/// gives up after 20 ms and comes back delays them by as much. Statements whose locks stop nobody
/// (SHARE UPDATE EXCLUSIVE and below) may wait in the queue. Measured: bench/migrate, lock queue.
///
/// Threads: one, beside that of Watch. Errors: Code::timeout when the budget of waiting is used up,
/// naming the blockers; the server's, with the statement's place.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "migrate/blockers.h"
#include "migrate/events.h"
#include "migrate/steps.h"
#include "postgres/conn.h"

namespace pgkeep::migrate {

struct Patience {
  std::chrono::milliseconds lock_try{20}; ///< Longest wait in the queue for a strong lock.
  std::chrono::milliseconds pause_max{500};
  std::chrono::milliseconds budget{600'000}; ///< Of waiting for locks, for each step.
  bool autovacuum_yields = false;            ///< The session looks for deadlocks within one try.
};

/// The connections of a run. `eyes` looks while `work` works.
struct Servers {
  postgres::Connection work;
  postgres::Connection eyes;
};

/// What a step did.
struct Outcome {
  std::int64_t attempts = 0;
  std::int64_t rows = 0;
  std::chrono::milliseconds waited{0};
  std::chrono::milliseconds duration{0}; ///< Of the try that got through.
};

struct PoliteStep {
  const Step& step;
  /// Run at the end of the transaction: the step's record. Empty = none.
  std::string record = {};
  /// Called with each line that is worth telling.
  std::function<void(Event)> tell;
  /// Of a shadow's short transactions for whose locks others wait: called before each COMMIT, while
  /// `work` holds them, and behind it with their duration, the first call's own time left out.
  std::function<base::Result<>()> before_unlock = {};
  std::function<void(double held_ms)> after_unlock = {};
};

/// All statements of the step and its record in one transaction, tried until it gets through.
base::Result<Outcome> run_in_transaction(Servers& servers, const PoliteStep& step,
                                         const Patience& patience);
/// The one statement of the step, outside of transactions. Where it stops nobody it waits as long
/// as it takes; else it is tried as above.
base::Result<Outcome> run_alone(Servers& servers, const PoliteStep& step, const Patience& patience);

/// Waits, outside of the queue, until no old transaction holds what conflicts.
class Gate {
public:
  Gate(Servers& servers, const Patience& patience, std::function<void(Event)> tell);
  /// Names as the work connection resolves them now; partitions and children are added.
  base::Result<> aim_at(std::span<const StepStatement> statements);
  /// Errors: timeout when the budget is used up, interrupted.
  base::Result<> wait_outside();
  /// After a try that did not get the lock.
  base::Result<> pause();
  [[nodiscard]] std::chrono::milliseconds waited() const;
  [[nodiscard]] std::int64_t attempts() const { return attempts_; }

private:
  base::Result<> look();
  void tell_blockers();
  [[nodiscard]] base::Error too_late() const;

  Servers& servers_;
  const Patience& patience_;
  std::function<void(Event)> tell_;
  std::vector<Wanted> wanted_;
  std::vector<Blocker> blockers_; ///< Old ones, as seen last.
  std::vector<Blocker> blamed_;   ///< The last that were seen.
  std::chrono::steady_clock::time_point begin_;
  std::chrono::steady_clock::time_point told_ = {};
  bool is_told_ = false;
  std::chrono::milliseconds pause_{25};
  std::chrono::milliseconds waited_{0};
  std::int64_t attempts_ = 0;
  std::uint32_t seed_ = 1;
};

/// "line:column in the statement", where the server said so.
std::string place_in(const StepStatement& statement, int error_position);

} // namespace pgkeep::migrate
