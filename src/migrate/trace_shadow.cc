// The runner's own shadow table, on the throwaway server: copied, checked and swapped, with a
// record of its own in a history that this makes. What others would wait for are its short
// transactions; the copy between them is work, and holds up nobody.
#include <algorithm>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/text.h"
#include "base/units.h"
#include "migrate/history.h"
#include "migrate/shadow.h"
#include "migrate/trace.h"

namespace pgkeep::migrate {
namespace {

using Steady = std::chrono::steady_clock;

/// A row of the history for the step, as a runner would have one.
base::Result<StepKey> begin_record(postgres::Connection& server, const Runner& runner,
                                   const Step& step) {
  const Migration migration{.kind = Kind::repeatable,
                            .name = "a rehearsed shadow table",
                            .up = read_source("R__rehearsed.sql", "", false)};
  PGKEEP_CHECK(make_history(server));
  PGKEEP_TRY(const std::int64_t id, begin_migration(server, runner, migration, "", {step}));
  return StepKey{.id = id, .number = 1, .is_down = false, .token = runner.token};
}

} // namespace

/// The table of a name that was there before is another one now.
base::Result<> Tracer::follow_names(TracedStatement& traced) {
  PGKEEP_TRY(const Relations now, read_relations());
  for (const auto& [oid, relation] : now) {
    if (known_.contains(oid)) continue;
    const auto old = std::ranges::find_if(
        known_, [&](const auto& each) { return each.second.name == relation.name; });
    if (old == known_.end()) continue;
    if (relation.table == "0") work_on(old->first, traced).is_rewritten = true; // No index.
    known_.erase(old);
    known_[oid] = relation;
  }
  return {};
}

base::Result<> Tracer::run_shadow_traced(const Step& step, TracedStep& traced) {
  const StepStatement& statement = step.statements.front();
  // The session of the migration may have another role, or be read-only.
  PGKEEP_TRY(postgres::Connection side, servers_.work.open_database(servers_.work.database()));
  const Runner runner{.token = "rehearsal", .tool = "pgkeep"};
  PGKEEP_TRY(const StepKey key, begin_record(side, runner, step));
  TracedStatement one{.sql = step.title(), .where = statement.where};
  std::vector<TracedLock> locks; // Of the transaction at hand.
  const auto before_unlock = [&]() -> base::Result<> {
    PGKEEP_TRY(const Counters counters, read_counters());
    locks.clear();
    for (const auto& [oid, mode] : counters.held) {
      const auto relation = known_.find(oid);
      const bool is_table = relation != known_.end() && relation->second.kind != 'i' &&
                            relation->second.kind != 'I' &&
                            !relation->second.name.starts_with("pgkeep.");
      if (is_table) locks.push_back({.relation = relation->second.name, .mode = mode});
    }
    return {};
  };
  const auto after_unlock = [&](double held_ms) {
    for (const TracedLock& each : locks) {
      const auto same = std::ranges::find_if(one.locks, [&](const TracedLock& other) {
        return other.relation == each.relation && other.mode == each.mode;
      });
      TracedLock& lock = same == one.locks.end() ? one.locks.emplace_back(each) : *same;
      lock.held_ms = std::max(lock.held_ms, held_ms);
    }
  };
  const PoliteStep polite{.step = step,
                          .record = step_done_sql(key, 0),
                          .tell = [](const Event&) {},
                          .before_unlock = before_unlock,
                          .after_unlock = after_unlock};
  PGKEEP_TRY(const Counters counters, read_counters());
  const auto begin = Steady::now();
  const auto done = run_shadow(servers_, polite, key, {}, {});
  one.ms = std::chrono::duration<double, std::milli>(Steady::now() - begin).count();
  if (!done) {
    // What is left would be in the way of the next one, and count as drift.
    static_cast<void>(abort_shadows(servers_, {}, [](const Event&) {}));
    base::Error error = done.error();
    error.left.clear();
    return error;
  }
  PGKEEP_TRY(const Counters after, read_counters());
  one.wal_bytes = after.wal - counters.wal;
  PGKEEP_CHECK(finish_migration(side, runner, key.id, State::applied, ""));
  PGKEEP_CHECK(follow_names(one));
  traced.statements.push_back(std::move(one));
  traced.notes.push_back(fmt::format("through a shadow table: {} rows copied and compared while "
                                     "others work; the locks are those of its triggers and its "
                                     "swap",
                                     base::human_count(done->rows)));
  return {};
}

} // namespace pgkeep::migrate
