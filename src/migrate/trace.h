/// What a step really does to the tables that were there before it: the locks that were held and
/// for how long, what was rewritten, read and indexed, how much WAL it wrote. Measured on a
/// throwaway server while it runs, and carried over to the live sizes in proportion to rows.
///
/// Locks are read on the step's own connection, before its COMMIT; of a statement that runs in no
/// transaction another connection takes samples, which may miss what lasts a millisecond. A lock
/// counts from the beginning of the statement that took it to the end of the transaction: never
/// too short. A shadow table is made as the runner makes one, with the locks of its short
/// transactions read before their COMMIT. Threads: one, and a sampler beside it that alone uses
/// `eyes` meanwhile. Source: PostgreSQL manual, view-pg-locks, monitoring-stats.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "lint/locks.h"
#include "migrate/polite.h"
#include "migrate/steps.h"
#include "sandbox/like.h"

namespace pgkeep::migrate {

/// Milliseconds and counts are of the rehearsal; those at the live size are -1 where not known.
struct TracedLock {
  std::string relation; ///< "public.orders".
  lint::LockMode mode = lint::LockMode::none;
  double held_ms = 0;
  double live_ms = -1;
};
struct TracedWork {
  std::string relation;
  bool is_rewritten = false;
  bool is_scanned = false;
  bool is_indexed = false; ///< An index of it was built.
  std::int64_t rows = 0;   ///< Before the migration.
  double live_rows = -1;
};
struct TracedStatement {
  std::string sql;   ///< In one line.
  std::string where; ///< "migrations/V003__x.sql:12:1".
  double ms = 0;
  double live_ms = -1;
  std::int64_t wal_bytes = 0;
  double live_wal_bytes = -1;
  std::vector<TracedLock> locks = {}; ///< That it took, or made stronger.
  std::vector<TracedWork> work = {};
  std::vector<std::string> notes = {};     ///< Where the lock model said something else.
  std::vector<std::string> live_plan = {}; ///< At the live size, as EXPLAIN prints it.
};
struct TracedStep {
  StepKind kind = StepKind::transaction;
  std::string title;
  double commit_ms = 0;
  std::vector<TracedStatement> statements = {};
  std::vector<std::string> notes = {};
};

/// Fills in what it would be at the live size. A statement that works on no table takes as long as
/// it took; else what is above a fixed cost grows with the rows. Pure.
void scale(TracedStep& step);

/// Lines for a person, without indentation of the step. Pure.
std::vector<std::string> lines_of(const TracedStep& step);
base::Json to_json(const TracedStep& step);

class Tracer {
public:
  /// live: null where there is no live database to compare with.
  Tracer(Servers& servers, const sandbox::Live* live) : servers_(servers), live_(live) {}

  /// A migration begins: what is there now was there before it. `rows` by "schema.table".
  base::Result<> begin(std::map<std::string, std::int64_t> rows);
  /// Runs the step. After an error no transaction is open.
  base::Result<TracedStep> run(const Step& step);

private:
  struct Relation {
    std::string name; ///< "public.orders".
    char kind = 'r';
    std::string file;
    std::string table;  ///< Of an index: the oid of its table.
    std::string parent; ///< Partitioned or inherited parent; "0" = none.
  };
  using Relations = std::map<std::string, Relation>; ///< By oid.
  struct Counters {
    std::map<std::string, lint::LockMode> held;
    std::map<std::string, std::int64_t> scans;
    std::int64_t wal = 0;
  };

  base::Result<Relations> read_relations();
  base::Result<Counters> read_counters();
  base::Result<std::map<std::string, lint::LockMode>> predicted(const StepStatement& statement);

  base::Result<> run_transaction(const Step& step, TracedStep& traced);
  base::Result<> run_statement(const StepStatement& statement, Counters& counters,
                               Relations& relations, TracedStep& traced);
  base::Result<> run_alone(const Step& step, TracedStep& traced);
  base::Result<> run_batches(const Step& step, TracedStep& traced);
  // trace_shadow.cc
  base::Result<> run_shadow_traced(const Step& step, TracedStep& traced);
  base::Result<> follow_names(TracedStatement& traced);

  void add_locks(const Counters& before, const Counters& after, TracedStatement& traced) const;
  void add_work(const StepStatement& statement, const Relations& before, const Relations& after,
                TracedStatement& traced) const;
  void add_scans(const Counters& before, const Counters& after, TracedStatement& traced) const;
  void compare(const StepStatement& statement,
               const std::map<std::string, lint::LockMode>& expected,
               const std::map<std::string, lint::LockMode>& held,
               const std::map<std::string, lint::LockMode>& held_before,
               TracedStatement& traced) const;
  TracedWork& work_on(const std::string& oid, TracedStatement& traced) const;
  [[nodiscard]] base::Error failed(const StepStatement& statement, base::Error error);

  Servers& servers_;
  const sandbox::Live* live_;
  Relations known_; ///< Before the migration.
  std::map<std::string, std::int64_t> rows_;
};

} // namespace pgkeep::migrate
