/// Looks at the backend that works, from another connection: which relations it holds locks on, and
/// whether the user interrupts. Private to src/migrate.
///
/// Threads: one of its own from construction to stop(), which alone uses `eyes` meanwhile.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <thread>

#include "lint/lock_model.h"
#include "postgres/conn.h"

namespace pgkeep::migrate {

struct SampledLock {
  lint::LockMode mode = lint::LockMode::none;
  std::chrono::steady_clock::time_point first;
  std::chrono::steady_clock::time_point last;
};

class Sampler {
public:
  Sampler(postgres::Connection& work, postgres::Connection& eyes, bool reads_locks);
  ~Sampler() { stop(); }
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;
  void stop();
  /// By oid; after stop().
  [[nodiscard]] const std::map<std::string, SampledLock>& locks() const { return locks_; }

private:
  void look(const std::stop_token& stop);
  void sample();

  postgres::Connection& work_;
  postgres::Connection& eyes_;
  bool reads_locks_;
  std::string pid_;
  std::map<std::string, SampledLock> locks_; ///< The thread's until it is joined.
  std::jthread thread_;
};

/// "AccessExclusiveLock" of pg_locks.
lint::LockMode mode_of(std::string_view name);

} // namespace pgkeep::migrate
