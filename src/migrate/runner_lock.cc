#include "migrate/runner_lock.h"

#include <fmt/format.h>

#include "base/process.h"
#include "base/text.h"

namespace pgkeep::migrate {
namespace {

/// "pgkeepmg" as a number: nobody else's key.
constexpr std::int64_t kKey = 0x70676b6565706d67;

constexpr std::string_view kHolder =
    "SELECT l.pid, a.usename, a.application_name, "
    "coalesce(extract(epoch FROM clock_timestamp() - a.xact_start)::bigint, 0) "
    "FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 "
    "AND (l.classid::bigint << 32) | l.objid::bigint = $1::bigint";

std::string holder_of(postgres::Connection& server) {
  const std::optional<std::string> key[] = {fmt::format("{}", kKey)};
  const auto rows = server.query(std::string(kHolder), key);
  if (!rows || rows->count() == 0) return "another runner";
  return fmt::format("pid {} ({}, {}), for {} s", rows->text(0, 0), rows->text(0, 1),
                     base::printable(rows->text(0, 2)), rows->text(0, 3));
}

} // namespace

base::Result<RunnerLock> RunnerLock::acquire(const std::string& target, const Options& options) {
  PGKEEP_TRY(postgres::Connection server,
             postgres::Connection::open(target, {.application_name = "pgkeep/migrate-lock",
                                                 .read_only = false,
                                                 .idle_limit = {}}));
  const auto deadline = std::chrono::steady_clock::now() + options.wait_limit;
  const std::optional<std::string> key[] = {fmt::format("{}", kKey)};
  bool is_told = false;
  while (true) {
    // Each try in a transaction of its own: a waiter holds nothing.
    PGKEEP_CHECK(server.execute("BEGIN ISOLATION LEVEL READ COMMITTED"));
    PGKEEP_CHECK(server.execute("SET LOCAL idle_in_transaction_session_timeout = 0"));
    if (server.version().major() >= 17)
      PGKEEP_CHECK(server.execute("SET LOCAL transaction_timeout = 0"));
    PGKEEP_TRY(const postgres::Rows rows,
               server.query("SELECT pg_catalog.pg_try_advisory_xact_lock($1::bigint)", key));
    if (rows.text(0, 0) == "t") {
      RunnerLock lock(std::move(server));
      PGKEEP_CHECK(lock.check());
      return lock;
    }
    PGKEEP_CHECK(server.execute("ROLLBACK"));
    const std::string holder = holder_of(server);
    const bool is_late = std::chrono::steady_clock::now() >= deadline;
    if (!options.waits || is_late)
      return base::Error{.code = options.waits ? base::Code::timeout : base::Code::refused,
                         .what = "another runner migrates this database: " + holder,
                         .where = server.label(),
                         .hint = "Wait for it, or leave out --if-running leave."};
    if (!is_told && options.on_wait) options.on_wait(holder);
    is_told = true;
    base::pause_for(std::chrono::milliseconds{100});
  }
}

// A simple query: it ends with its portal. That of an extended one stays until the next, and holds
// a snapshot for which CREATE INDEX CONCURRENTLY would wait.
base::Result<> RunnerLock::check() {
  return server_.execute("SELECT 1");
}

} // namespace pgkeep::migrate
