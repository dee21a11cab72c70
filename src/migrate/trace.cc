// Between two statements the step's own connection is asked what it holds, which files the
// relations lie in, what it has read and where the WAL stands; the time that this takes counts for
// nothing. Files tell rewrites: a relation that was there and lies in another file was written
// anew, and an index in a new file was built.
#include "migrate/trace.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/text.h"
#include "migrate/batch.h"
#include "migrate/trace_sampler.h"
#include "postgres/quote.h"

namespace pgkeep::migrate {
namespace {

using lint::LockMode;
using Steady = std::chrono::steady_clock;

double ms_since(Steady::time_point begin) {
  return std::chrono::duration<double, std::milli>(Steady::now() - begin).count();
}

std::string in_one_line(const StepStatement& statement) {
  Step step;
  step.statements.push_back(statement);
  return step.title();
}

bool is_index(char kind) {
  return kind == 'i' || kind == 'I';
}

} // namespace

base::Error Tracer::failed(const StepStatement& statement, base::Error error) {
  const int position = servers_.work.last_error_position();
  if (servers_.work.is_in_transaction()) static_cast<void>(servers_.work.execute("ROLLBACK"));
  if (base::is_interrupted()) return {.code = base::Code::cancelled, .what = "interrupted"};
  error.where = place_in(statement, position);
  return error;
}

base::Result<Tracer::Relations> Tracer::read_relations() {
  PGKEEP_TRY(
      const postgres::Rows rows,
      servers_.work.query(
          "SELECT c.oid, pg_catalog.quote_ident(n.nspname) || '.' || "
          "pg_catalog.quote_ident(c.relname), c.relkind, c.relfilenode, coalesce(i.indrelid, 0), "
          "coalesce(h.inhparent, 0) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON "
          "n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid LEFT "
          "JOIN pg_catalog.pg_inherits h ON h.inhrelid = c.oid AND h.inhseqno = 1 WHERE c.oid >= "
          "16384 AND c.relkind IN ('r', 'p', 'm', 'v', 'f', 'i', 'I') AND n.nspname !~ '^pg_'"));
  Relations relations;
  for (int row = 0; row < rows.count(); ++row)
    relations[std::string(rows.text(row, 0))] = {.name = std::string(rows.text(row, 1)),
                                                 .kind = rows.text(row, 2).front(),
                                                 .file = std::string(rows.text(row, 3)),
                                                 .table = std::string(rows.text(row, 4)),
                                                 .parent = std::string(rows.text(row, 5))};
  return relations;
}

base::Result<Tracer::Counters> Tracer::read_counters() {
  Counters counters;
  PGKEEP_TRY(const postgres::Rows locks,
             servers_.work.query("SELECT relation, mode FROM pg_catalog.pg_locks WHERE locktype = "
                                 "'relation' AND granted AND relation >= 16384 AND pid = "
                                 "pg_catalog.pg_backend_pid()"));
  for (int row = 0; row < locks.count(); ++row) {
    LockMode& mode = counters.held[std::string(locks.text(row, 0))];
    mode = std::max(mode, mode_of(locks.text(row, 1)));
  }
  PGKEEP_TRY(const postgres::Rows scans,
             servers_.work.query("SELECT relid, seq_scan FROM pg_catalog.pg_stat_xact_user_tables "
                                 "WHERE seq_scan > 0"));
  for (int row = 0; row < scans.count(); ++row)
    counters.scans[std::string(scans.text(row, 0))] = base::integer_or(scans.text(row, 1), 0);
  PGKEEP_TRY(const postgres::Rows wal,
             servers_.work.query("SELECT pg_catalog.pg_wal_lsn_diff("
                                 "pg_catalog.pg_current_wal_insert_lsn(), '0/0')::bigint"));
  counters.wal = base::integer_or(wal.text(0, 0), 0);
  return counters;
}

base::Result<std::map<std::string, LockMode>> Tracer::predicted(const StepStatement& statement) {
  std::map<std::string, LockMode> expected;
  std::vector<std::string> names;
  for (const lint::Effect& each : statement.locks) {
    const std::string text = base::replace_all(each.relation.text(), "\\", "\\\\");
    names.push_back("\"" + base::replace_all(text, "\"", "\\\"") + "\"");
  }
  if (names.empty()) return expected;
  const std::optional<std::string> parameters[] = {"{" + base::join(names, ",") + "}"};
  PGKEEP_TRY(const postgres::Rows rows,
             servers_.work.query("SELECT pg_catalog.to_regclass(name)::oid FROM "
                                 "pg_catalog.unnest($1::text[]) WITH ORDINALITY AS n(name, place) "
                                 "ORDER BY place",
                                 parameters));
  for (int row = 0; row < rows.count(); ++row) {
    if (rows.is_null(row, 0)) continue;
    LockMode& mode = expected[std::string(rows.text(row, 0))];
    mode = std::max(mode, statement.locks[static_cast<std::size_t>(row)].mode);
  }
  return expected;
}

base::Result<> Tracer::begin(std::map<std::string, std::int64_t> rows) {
  rows_ = std::move(rows);
  PGKEEP_TRY(known_, read_relations());
  return {};
}

TracedWork& Tracer::work_on(const std::string& oid, TracedStatement& traced) const {
  const std::string& name = known_.at(oid).name;
  for (TracedWork& each : traced.work) {
    if (each.relation == name) return each;
  }
  TracedWork work{.relation = name};
  const auto rows = rows_.find(name);
  work.rows = rows == rows_.end() ? 0 : rows->second;
  if (live_ != nullptr) {
    for (const sandbox::LiveTable& table : live_->tables) {
      if (postgres::quote_qualified(table.schema, table.name) == name) work.live_rows = table.rows;
    }
  }
  traced.work.push_back(std::move(work));
  return traced.work.back();
}

void Tracer::add_locks(const Counters& before, const Counters& after,
                       TracedStatement& traced) const {
  for (const auto& [oid, mode] : after.held) {
    const auto relation = known_.find(oid);
    // The indexes of a locked table are locked with it.
    if (relation == known_.end() || is_index(relation->second.kind)) continue;
    const auto earlier = before.held.find(oid);
    if (earlier != before.held.end() && earlier->second >= mode) continue;
    traced.locks.push_back({.relation = relation->second.name, .mode = mode});
  }
  std::ranges::sort(traced.locks, {}, &TracedLock::relation);
}

void Tracer::add_work(const StepStatement& statement, const Relations& before,
                      const Relations& after, TracedStatement& traced) const {
  // TRUNCATE gives a new, empty file: nothing is written.
  if (statement.statement->root.is("TruncateStmt")) return;
  std::set<std::string> old_files = {"0"};
  for (const auto& [oid, relation] : before)
    old_files.insert(relation.file);
  for (const auto& [oid, relation] : after) {
    // An index that is made again over the same rows may take over the file of the old one.
    if (old_files.contains(relation.file)) continue;
    if (is_index(relation.kind)) {
      if (known_.contains(relation.table)) work_on(relation.table, traced).is_indexed = true;
    } else if (known_.contains(oid)) {
      work_on(oid, traced).is_rewritten = true;
    }
  }
  // A table that is written anew has its indexes built with it.
  for (TracedWork& work : traced.work) {
    if (work.is_rewritten) work.is_indexed = false;
  }
}

void Tracer::add_scans(const Counters& before, const Counters& after,
                       TracedStatement& traced) const {
  for (const auto& [oid, count] : after.scans) {
    const auto earlier = before.scans.find(oid);
    const std::int64_t more = count - (earlier == before.scans.end() ? 0 : earlier->second);
    if (more > 0 && known_.contains(oid)) work_on(oid, traced).is_scanned = true;
  }
}

void Tracer::compare(const StepStatement& statement,
                     const std::map<std::string, LockMode>& expected,
                     const std::map<std::string, LockMode>& held,
                     const std::map<std::string, LockMode>& held_before,
                     TracedStatement& traced) const {
  const auto mode_in = [](const std::map<std::string, LockMode>& modes, const std::string& oid) {
    const auto found = modes.find(oid);
    return found == modes.end() ? LockMode::none : found->second;
  };
  for (const auto& [oid, relation] : known_) {
    if (is_index(relation.kind)) continue;
    const LockMode foretold = mode_in(expected, oid);
    const LockMode seen = mode_in(held, oid);
    const bool is_new = seen > mode_in(held_before, oid) && seen > LockMode::row_exclusive;
    // Children are locked with their parents, which alone are named.
    const bool is_child = mode_in(expected, relation.parent) >= seen;
    const bool is_more = is_new && seen > foretold && !is_child && !statement.is_unknown;
    const bool is_less = foretold > seen && foretold > LockMode::row_exclusive;
    if (!is_more && !is_less) continue;
    traced.notes.push_back(
        fmt::format("the lock model says {} on {}, the server took {}",
                    foretold == LockMode::none ? "nothing" : lint::name_of(foretold), relation.name,
                    seen == LockMode::none ? "nothing" : lint::name_of(seen)));
  }
}

base::Result<> Tracer::run_statement(const StepStatement& statement, Counters& counters,
                                     Relations& relations, TracedStep& traced) {
  TracedStatement one{.sql = in_one_line(statement), .where = statement.where};
  PGKEEP_TRY(const auto expected, predicted(statement));
  const auto begin = Steady::now();
  const auto done = statement.data ? servers_.work.copy_in(statement.sql, *statement.data)
                                   : servers_.work.query(statement.sql);
  if (!done) return done.error();
  one.ms = ms_since(begin);
  PGKEEP_TRY(Counters after, read_counters());
  PGKEEP_TRY(Relations relations_after, read_relations());
  one.wal_bytes = after.wal - counters.wal;
  add_locks(counters, after, one);
  add_work(statement, relations, relations_after, one);
  add_scans(counters, after, one);
  compare(statement, expected, after.held, counters.held, one);
  // Our own look locks nothing of the user's and writes nothing.
  counters = std::move(after);
  relations = std::move(relations_after);
  traced.statements.push_back(std::move(one));
  return {};
}

base::Result<> Tracer::run_transaction(const Step& step, TracedStep& traced) {
  postgres::Connection& work = servers_.work;
  PGKEEP_TRY(Relations relations, read_relations());
  PGKEEP_CHECK(work.execute("BEGIN"));
  Counters counters;
  bool has_looked = false;
  for (const StepStatement& statement : step.statements) {
    // SET TRANSACTION must come before any query, ours too.
    const bool sets = statement.statement->root.is("VariableSetStmt");
    if (sets && !has_looked) {
      if (const auto done = work.query(statement.sql); !done)
        return failed(statement, done.error());
      traced.statements.push_back({.sql = in_one_line(statement), .where = statement.where});
      continue;
    }
    if (!has_looked) {
      PGKEEP_TRY(counters, read_counters());
      has_looked = true;
    }
    if (auto done = run_statement(statement, counters, relations, traced); !done)
      return failed(statement, std::move(done).error());
  }
  const auto begin = Steady::now();
  if (auto done = work.execute("COMMIT"); !done)
    return failed(step.statements.back(), std::move(done).error());
  traced.commit_ms = ms_since(begin);
  double held = traced.commit_ms;
  for (auto each = traced.statements.rbegin(); each != traced.statements.rend(); ++each) {
    held += each->ms;
    for (TracedLock& lock : each->locks)
      lock.held_ms = held;
  }
  return {};
}

base::Result<> Tracer::run_alone(const Step& step, TracedStep& traced) {
  const StepStatement& statement = step.statements.front();
  TracedStatement one{.sql = in_one_line(statement), .where = statement.where};
  PGKEEP_TRY(const Relations before, read_relations());
  PGKEEP_TRY(const Counters counters, read_counters());
  PGKEEP_TRY(const auto expected, predicted(statement));
  std::map<std::string, SampledLock> sampled;
  const auto begin = Steady::now();
  {
    Sampler sampler(servers_.work, servers_.eyes, true);
    if (auto done = servers_.work.execute(statement.sql); !done) {
      sampler.stop();
      return failed(statement, std::move(done).error());
    }
    one.ms = ms_since(begin);
    sampler.stop();
    sampled = sampler.locks();
  }
  PGKEEP_TRY(const Counters after, read_counters());
  PGKEEP_TRY(const Relations relations, read_relations());
  one.wal_bytes = after.wal - counters.wal;
  add_work(statement, before, relations, one);
  std::map<std::string, LockMode> held;
  for (const auto& [oid, lock] : sampled) {
    const auto relation = known_.find(oid);
    if (relation == known_.end() || is_index(relation->second.kind)) continue;
    held[oid] = lock.mode;
    const double seen = std::chrono::duration<double, std::milli>(lock.last - lock.first).count();
    one.locks.push_back(
        {.relation = relation->second.name, .mode = lock.mode, .held_ms = std::min(seen, one.ms)});
  }
  std::map<std::string, LockMode> to_compare;
  for (const auto& [oid, mode] : expected) {
    if (held.contains(oid)) to_compare[oid] = mode; // Else it was too quick to be seen.
  }
  compare(statement, to_compare, held, {}, one);
  traced.statements.push_back(std::move(one));
  return {};
}

base::Result<> Tracer::run_batches(const Step& step, TracedStep& traced) {
  const StepStatement& statement = step.statements.front();
  PGKEEP_TRY(const BatchOptions options, batch_options(step));
  PGKEEP_TRY(const BatchSql sql, batch_sql(step, options));
  postgres::Connection& work = servers_.work;
  TracedStatement one{.sql = in_one_line(statement), .where = statement.where};
  PGKEEP_TRY(const Counters counters, read_counters());
  const auto keys = static_cast<int>(options.key.size());
  std::vector<std::optional<std::string>> end;
  std::vector<std::optional<std::string>> cursor;
  auto last = work.query(sql.first());
  if (!last) return failed(statement, last.error());
  for (int column = 0; last->count() > 0 && column < keys; ++column)
    end.emplace_back(last->text(0, column));
  double longest = 0;
  int batches = 0;
  const auto begin = Steady::now();
  while (!end.empty()) {
    if (base::is_interrupted()) return failed(statement, {});
    const auto from = Steady::now();
    std::vector<std::optional<std::string>> bounds = cursor;
    bounds.insert(bounds.end(), end.begin(), end.end());
    auto next = work.query(sql.next(cursor.empty(), options.size), bounds);
    // Fewer keys than that are left.
    if (next && next->count() == 0)
      next = work.query(sql.rest(cursor.empty(), options.size), bounds);
    if (!next) return failed(statement, next.error());
    if (next->count() == 0) break;
    const bool is_first = cursor.empty();
    std::vector<std::optional<std::string>> range = cursor;
    cursor.clear();
    for (int column = 0; column < keys; ++column)
      cursor.emplace_back(next->text(0, column));
    range.insert(range.end(), cursor.begin(), cursor.end());
    const auto done = work.query(sql.change(is_first), range);
    if (!done) return failed(statement, done.error());
    ++batches;
    longest = std::max(longest, ms_since(from));
  }
  one.ms = ms_since(begin);
  PGKEEP_TRY(const Counters after, read_counters());
  one.wal_bytes = after.wal - counters.wal;
  const std::optional<std::string> parameters[] = {sql.table};
  PGKEEP_TRY(const postgres::Rows table,
             work.query("SELECT pg_catalog.to_regclass($1)::oid", parameters));
  const std::string oid(table.text(0, 0));
  if (known_.contains(oid)) work_on(oid, one).is_scanned = true;
  traced.statements.push_back(std::move(one));
  traced.notes.push_back(fmt::format("{} batches, each a transaction of its own; the longest held "
                                     "its rows for {:.1f} ms",
                                     batches, longest));
  return {};
}

base::Result<TracedStep> Tracer::run(const Step& step) {
  TracedStep traced{.kind = step.kind, .title = step.title()};
  if (step.kind == StepKind::alone) {
    PGKEEP_CHECK(run_alone(step, traced));
  } else if (step.kind == StepKind::batch) {
    PGKEEP_CHECK(run_batches(step, traced));
  } else if (step.kind == StepKind::shadow) {
    PGKEEP_CHECK(run_shadow_traced(step, traced));
  } else {
    const Sampler interrupts(servers_.work, servers_.eyes, false);
    PGKEEP_CHECK(run_transaction(step, traced));
  }
  if (live_ != nullptr) scale(traced);
  return traced;
}

} // namespace pgkeep::migrate
