/// Who stands in the way of a lock.
///
/// Threads: as Connection. Source: PostgreSQL manual, explicit-locking (the table of conflicts),
/// view-pg-locks.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "lint/lock_model.h"
#include "postgres/conn.h"

namespace pgkeep::migrate {

struct Blocker {
  std::int64_t pid = 0; ///< 0: a prepared transaction.
  std::string user;
  std::string application;
  std::string state; ///< "active", "idle in transaction", ...
  double transaction_s = 0;
  std::string query; ///< Constants are left out.
  std::string relation;
  std::string mode;
  std::string prepared; ///< Its name, of a prepared transaction.
  bool is_autovacuum = false;
  /// "pid 4711 (app, psql), idle in transaction for 12 s, holds ACCESS SHARE on orders: SELECT ..."
  [[nodiscard]] std::string text() const;
};

struct Wanted {
  std::uint32_t oid = 0;
  lint::LockMode mode = lint::LockMode::none;
};
/// Sessions other than `own_pid` whose granted locks conflict with those wanted; the oldest
/// transaction first.
base::Result<std::vector<Blocker>> blockers_of(postgres::Connection& server,
                                               std::span<const Wanted> wanted, int own_pid);

} // namespace pgkeep::migrate
