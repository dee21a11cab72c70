/// One runner at a time on a database.
///
/// pg_advisory_xact_lock in a transaction of a connection of its own, which holds neither a
/// snapshot nor a transaction id: CREATE INDEX CONCURRENTLY does not wait for it, a pooler in
/// transaction mode keeps it, and the server frees it when the runner dies. Waiters poll, for one
/// that waits inside of the lock function would hold a snapshot.
///
/// Threads: one. Source: PostgreSQL manual, explicit-locking (Advisory Locks); measured in
/// tests/e2e/test_migrate_runner.py.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/result.h"
#include "postgres/conn.h"

namespace pgkeep::migrate {

class RunnerLock {
public:
  struct Options {
    bool waits = true; ///< False: an error where another runner is at work.
    std::chrono::milliseconds wait_limit{3'600'000};
    /// Called once, when it begins to wait: who holds it.
    std::function<void(const std::string& holder)> on_wait = {};
  };
  /// Errors: Code::refused (another runs, and we do not wait), Code::timeout, the server's.
  static base::Result<RunnerLock> acquire(const std::string& target, const Options& options);

  /// Fails where the lock's connection was lost: then another runner may be at work.
  base::Result<> check();

private:
  explicit RunnerLock(postgres::Connection server) : server_(std::move(server)) {}
  postgres::Connection server_;
};

} // namespace pgkeep::migrate
