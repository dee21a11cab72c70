#include "migrate/runner.h"

#include <algorithm>
#include <random>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/text.h"
#include "base/units.h"
#include "lint/lint.h"
#include "migrate/alone.h"
#include "migrate/baseline.h"
#include "migrate/batch.h"
#include "migrate/check.h"
#include "migrate/history.h"
#include "migrate/runner_lock.h"
#include "migrate/shadow.h"
#include "postgres/server_grammar.h"

namespace pgkeep::migrate {
namespace {

using postgres::Connection;

std::string new_token() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

/// One migration in one direction.
struct Job {
  const Migration& migration;
  const std::vector<Step>& steps;
  std::int64_t id = 0;
  bool is_down = false;
};

class Run {
public:
  Run(Servers& servers, const Folder& folder, const RunOptions& options)
      : servers_(servers), folder_(folder), options_(options), patience_(options.patience),
        runner_({.token = new_token(), .tool = options.tool}) {}

  base::Result<> up(const Planned& planned);
  base::Result<> down(const PlannedDown& planned);
  base::Result<> hooks(Moment moment);
  /// Behind a failure: what goes wrong here is told and no more.
  void hooks_of_failure(Moment moment);
  [[nodiscard]] const Runner& runner() const { return runner_; }

private:
  base::Result<> run_steps(const Job& job);
  base::Result<> run_hook(const Hook& hook);
  base::Result<> ask_check(const Job& job);
  base::Result<Outcome> run_step(const Job& job, int number, const StepRow& row);
  base::Result<> finish(const Job& job, base::Result<> done);
  void tell(Event event, const Job& job, int number) const;

  Servers& servers_;
  const Folder& folder_;
  const RunOptions& options_;
  Patience patience_;
  Runner runner_;
  std::int64_t steps_committed_ = 0; ///< By this call, those of hooks among them.
};

void Run::tell(Event event, const Job& job, int number) const {
  event.migration = job.migration.label();
  event.step = number;
  event.step_count = static_cast<int>(job.steps.size());
  if (options_.observer) options_.observer(event);
}

base::Result<Outcome> Run::run_step(const Job& job, int number, const StepRow& row) {
  const Step& step = job.steps[static_cast<std::size_t>(number) - 1];
  const StepKey key{.id = job.id, .number = number, .is_down = job.is_down, .token = runner_.token};
  const PoliteStep polite{.step = step, .record = step_done_sql(key, 0), .tell = [&](Event event) {
                            tell(std::move(event), job, number);
                          }};
  switch (step.kind) {
  case StepKind::transaction:
    return run_in_transaction(servers_, polite, patience_);
  case StepKind::batch:
    return run_batches(servers_, polite, key, row.position, patience_);
  case StepKind::shadow:
    return run_shadow(servers_, polite, key, row.position, patience_);
  case StepKind::alone:
    break;
  }
  PGKEEP_TRY(const Found found, clear_way(servers_, polite, row.state == "running"));
  PGKEEP_CHECK(mark_step_running(servers_.work, key));
  Outcome outcome;
  if (found == Found::nothing) {
    auto ran = run_alone(servers_, polite, patience_);
    if (!ran) {
      // What it leaves (an INVALID index) is known to the next run by the state of the step.
      base::Error error = std::move(ran).error();
      if (step.statements.front().statement->root.is("IndexStmt"))
        error.left = "an INVALID index may be left; `pgkeep migrate up` drops and builds it again";
      return error;
    }
    outcome = *ran;
  } else {
    polite.tell({.kind = "note", .text = "it was done already when the run before was cut off"});
  }
  const auto recorded = servers_.work.execute("BEGIN; SET LOCAL search_path = pg_catalog; " +
                                              polite.record + "; COMMIT");
  if (!recorded) return recorded.error();
  return outcome;
}

/// An autovacuum worker gives way to whoever waits for its lock, once that waiter has looked for
/// deadlocks: after a second, unless told otherwise. Roles that may not say so wait until it is
/// done. Source: PostgreSQL manual, runtime-config-locks (deadlock_timeout), routine-vacuuming.
bool hurry_autovacuum(Connection& work, const Patience& patience) {
  if (work.is_pooled()) return false;
  const auto half = std::max<std::int64_t>(patience.lock_try.count() / 2, 1);
  return work.execute(fmt::format("SET deadlock_timeout = {}", half)).has_value();
}

base::Result<> Run::run_steps(const Job& job) {
  PGKEEP_TRY(const std::vector<StepRow> rows, read_steps(servers_.work, job.id, job.is_down));
  PGKEEP_CHECK(servers_.work.reset_session());
  patience_.autovacuum_yields = hurry_autovacuum(servers_.work, patience_);
  for (int number = 1; number <= static_cast<int>(job.steps.size()); ++number) {
    const auto index = static_cast<std::size_t>(number) - 1;
    const Step& step = job.steps[index];
    PGKEEP_ASSERT(index < rows.size());
    if (rows[index].state == "done") {
      // What the session was set to holds for the steps that follow.
      for (const StepStatement& statement : step.statements) {
        if (sets_session(statement.statement->root))
          PGKEEP_CHECK(servers_.work.execute(statement.sql));
      }
      continue;
    }
    if (base::is_interrupted())
      return base::Error{.code = base::Code::cancelled, .what = "interrupted"};
    tell({.kind = "step",
          .text = step.title(),
          .figures = base::Json{{"kind", name_of(step.kind)},
                                {"lock", lint::name_of(step.strongest_lock())}}},
         job, number);
    const auto outcome = run_step(job, number, rows[index]);
    if (!outcome) return outcome.error();
    ++steps_committed_;
    const StepKey key{
        .id = job.id, .number = number, .is_down = job.is_down, .token = runner_.token};
    PGKEEP_CHECK(add_step_cost(servers_.work, key, outcome->attempts, outcome->waited.count(),
                               outcome->duration.count()));
    tell({.kind = "step-done",
          .text = fmt::format("{}{}", base::human_duration(outcome->duration),
                              outcome->waited.count() > 0
                                  ? fmt::format(", waited {} in {} tries",
                                                base::human_duration(outcome->waited),
                                                outcome->attempts)
                                  : ""),
          .figures = base::Json{{"duration_ms", outcome->duration.count()},
                                {"waited_ms", outcome->waited.count()},
                                {"attempts", outcome->attempts},
                                {"rows", outcome->rows}}},
         job, number);
  }
  return {};
}

base::Result<> Run::run_hook(const Hook& hook) {
  PGKEEP_TRY(const std::vector<Step> steps, steps_of_hook(hook, servers_.work.version().major()));
  PGKEEP_CHECK(servers_.work.reset_session());
  patience_.autovacuum_yields = hurry_autovacuum(servers_.work, patience_);
  for (const Step& step : steps) {
    if (base::is_interrupted())
      return base::Error{.code = base::Code::cancelled, .what = "interrupted"};
    const auto tell_it = [&](const Event& event) {
      if (options_.observer) options_.observer(event);
    };
    tell_it({.kind = "hook", .text = fmt::format("{}: {}", name_of(hook.moment), step.title())});
    const PoliteStep polite{.step = step, .tell = tell_it};
    const auto done = step.kind == StepKind::alone
                          ? run_alone(servers_, polite, patience_)
                          : run_in_transaction(servers_, polite, patience_);
    if (!done) return done.error();
    ++steps_committed_;
  }
  return {};
}

base::Result<> Run::hooks(Moment moment) {
  for (const Hook* const hook : hooks_at(folder_.hooks, moment)) {
    auto done = run_hook(*hook);
    if (done) continue;
    base::Error error = std::move(done).error();
    if (servers_.work.is_in_transaction()) static_cast<void>(servers_.work.execute("ROLLBACK"));
    if (steps_committed_ > 0)
      error.left = fmt::format("what was done before {} stays; the same command goes on from there",
                               name_of(moment));
    return error;
  }
  return {};
}

void Run::hooks_of_failure(Moment moment) {
  const auto done = hooks(moment);
  if (!done && options_.observer)
    options_.observer(
        {.kind = "note", .text = fmt::format("{}: {}", name_of(moment), to_line(done.error()))});
}

/// Whether the migration did what it should.
base::Result<> Run::ask_check(const Job& job) {
  if (job.is_down || !job.migration.check) return {};
  PGKEEP_CHECK(servers_.work.reset_session());
  auto asked = run_check(servers_.work, *job.migration.check);
  if (asked) {
    tell({.kind = "note", .text = "its check says yes"}, job, 0);
    return {};
  }
  base::Error error = std::move(asked).error();
  if (error.code != base::Code::sql) return error;
  error.what = fmt::format("the check of {} says no: {}", job.migration.label(), error.what);
  error.hint = "What it made is there. `pgkeep migrate up` asks again once that or the check is "
               "mended; `pgkeep migrate down` takes it back.";
  return error;
}

/// The end of a migration in the history, and what is left where it failed.
base::Result<> Run::finish(const Job& job, base::Result<> done) {
  const State reached = job.is_down ? State::undone : State::applied;
  if (done) {
    PGKEEP_CHECK(finish_migration(servers_.work, runner_, job.id, reached, ""));
    tell({.kind = "migration-done", .text = job.is_down ? "undone" : "applied"}, job, 0);
    return {};
  }
  base::Error error = std::move(done).error();
  if (servers_.work.is_in_transaction()) static_cast<void>(servers_.work.execute("ROLLBACK"));
  const State state = job.is_down ? State::undoing : State::failed;
  static_cast<void>(finish_migration(servers_.work, runner_, job.id, state, to_line(error)));
  const auto rows = read_steps(servers_.eyes, job.id, job.is_down);
  const auto finished =
      rows ? std::ranges::count_if(*rows, [](const StepRow& row) { return row.state == "done"; })
           : 0;
  const bool has_moved =
      rows && std::ranges::any_of(*rows, [](const StepRow& row) { return row.rows > 0; });
  // A lost connection: whether the last COMMIT got through is not known.
  const bool is_unknown = error.code == base::Code::unreachable;
  if (steps_committed_ > 0 || has_moved || is_unknown) {
    // A step that leaves something says itself how to go on.
    const std::string rest =
        error.left.empty()
            ? fmt::format("`pgkeep migrate {}` goes on from there", job.is_down ? "down" : "up")
            : error.left;
    error.left = fmt::format("{}: {} of {} steps are done; {}", job.migration.label(), finished,
                             job.steps.size(), rest);
  }
  return error;
}

base::Result<> Run::up(const Planned& planned) {
  PGKEEP_TRY(const std::int64_t id, begin_migration(servers_.work, runner_, *planned.migration,
                                                    planned.checksum, planned.steps));
  const Job job{.migration = *planned.migration, .steps = planned.steps, .id = id};
  tell({.kind = "migration", .text = planned.unfinished ? "goes on" : "begins"}, job, 0);
  return finish(job, [&]() -> base::Result<> {
    PGKEEP_CHECK(hooks(Moment::before_each_migrate));
    PGKEEP_CHECK(run_steps(job));
    PGKEEP_CHECK(hooks(Moment::after_each_migrate));
    return ask_check(job);
  }());
}

base::Result<> Run::down(const PlannedDown& planned) {
  PGKEEP_CHECK(begin_undo(servers_.work, runner_, planned.row.id, planned.steps));
  const Job job{.migration = *planned.migration,
                .steps = planned.steps,
                .id = planned.row.id,
                .is_down = true};
  tell({.kind = "migration", .text = "goes down"}, job, 0);
  return finish(job, [&]() -> base::Result<> {
    PGKEEP_CHECK(hooks(Moment::before_each_undo));
    PGKEEP_CHECK(run_steps(job));
    return hooks(Moment::after_each_undo);
  }());
}

base::Result<> check_writable(Connection& server) {
  PGKEEP_TRY(const postgres::Rows rows,
             server.query("SELECT pg_catalog.pg_is_in_recovery(), "
                          "pg_catalog.current_setting('transaction_read_only')"));
  const bool is_standby = rows.text(0, 0) == "t";
  if (!is_standby && rows.text(0, 1) == "off") return {};
  return base::Error{.code = base::Code::refused,
                     .what = is_standby ? "the server is a standby: it is read-only"
                                        : "the database is read-only "
                                          "(default_transaction_read_only is on)",
                     .where = server.label(),
                     .hint = is_standby ? "Name the primary." : "Turn that off, or name another."};
}

/// Steps that are done must still be what the file says, or nobody knows what was done.
std::optional<Problem> changed_under_way(Connection& server, const Planned& planned) {
  if (!planned.unfinished) return {};
  const auto rows = read_steps(server, planned.unfinished->id, false);
  if (!rows) return {};
  for (const StepRow& row : *rows) {
    const auto index = static_cast<std::size_t>(row.number) - 1;
    const bool is_same =
        index < planned.steps.size() && row.digest == step_digest(planned.steps[index]);
    if (row.state == "pending" || is_same) continue;
    return Problem{.kind = "edited",
                   .migration = planned.migration->label(),
                   .file = planned.migration->up.path,
                   .text = fmt::format("step {} ({}) is {} and the file says something else now",
                                       row.number, row.title, row.state),
                   .hint = "Bring the file back as far as that step; what comes after may change."};
  }
  return {};
}

/// Those that run where nothing is pending.
bool has_hooks_of_up(const Folder& folder) {
  return !hooks_at(folder.hooks, Moment::before_migrate).empty() ||
         !hooks_at(folder.hooks, Moment::after_migrate).empty();
}

/// What is wrong with a hook is said before anything runs.
base::Result<> check_hooks(const Folder& folder, int server_major) {
  for (const Hook& each : folder.hooks)
    PGKEEP_CHECK(steps_of_hook(each, server_major));
  return {};
}

/// The lock, the connections and the history: what both directions begin with.
struct Begun {
  RunnerLock lock;
  Servers servers;
  std::vector<HistoryRow> history;
};
base::Result<Begun> begin(const Folder& folder, const RunOptions& options) {
  const auto on_wait = [&](const std::string& holder) {
    if (options.observer)
      options.observer({.kind = "waiting", .text = "another runner is at work: " + holder});
  };
  PGKEEP_TRY(
      RunnerLock lock,
      RunnerLock::acquire(options.target, {.waits = options.waits_for_runner, .on_wait = on_wait}));
  PGKEEP_TRY(Servers servers, open_servers(options.target, options.observer));
  PGKEEP_CHECK(check_hooks(folder, servers.work.version().major()));
  PGKEEP_CHECK(check_writable(servers.work));
  PGKEEP_CHECK(check_no_foreign_history(servers.eyes));
  PGKEEP_CHECK(wait_for_leftover(servers, [&](const Event& event) {
    if (options.observer) options.observer(event);
  }));
  PGKEEP_CHECK(make_history(servers.work));
  PGKEEP_TRY(std::vector<HistoryRow> history, read_history(servers.work));
  return Begun{
      .lock = std::move(lock), .servers = std::move(servers), .history = std::move(history)};
}

} // namespace

base::Result<Servers> open_servers(const std::string& target, const Observer& observer) {
  const auto tell = [observer](std::string_view severity, std::string_view text) {
    if (observer) observer({.kind = "note", .text = fmt::format("{}: {}", severity, text)});
  };
  const postgres::ConnectOptions work{.application_name = "pgkeep/migrate",
                                      .read_only = false,
                                      .statement_limit = {},
                                      .lock_limit = {},
                                      .own_search_path = false,
                                      .idle_limit = {},
                                      .on_notice = tell};
  PGKEEP_TRY(Connection worker, Connection::open(target, work));
  PGKEEP_TRY(Connection eyes,
             Connection::open(target, {.application_name = "pgkeep/migrate-eyes"}));
  return Servers{.work = std::move(worker), .eyes = std::move(eyes)};
}

base::Result<findings::Report> judge(const Folder& folder, const std::vector<Planned>& todo,
                                     const catalog::Snapshot* database, int server_major,
                                     const std::set<std::string>& allowed,
                                     const findings::Limits& limits, Connection& server) {
  std::vector<lint::File> files;
  const auto add = [&](const Source& source) {
    const lint::Script& script = *source.script;
    files.push_back(
        {.path = script.path(), .text = std::string(script.text()), .origins = script.origins()});
  };
  const auto add_hooks = [&](std::initializer_list<Moment> moments) {
    for (const Moment moment : moments) {
      for (const Hook* const hook : hooks_at(folder.hooks, moment))
        add(hook->source);
    }
  };
  add_hooks({Moment::before_migrate, Moment::before_each_migrate});
  for (const Planned& each : todo) {
    // What stopped half-way was judged when it began; half of it is in the database now.
    if (!each.unfinished || each.unfinished->steps_done == 0) add(each.migration->up);
  }
  add_hooks({Moment::after_each_migrate, Moment::after_migrate, Moment::after_migrate_applied});
  const auto parses = [&](std::string_view sql) { return postgres::server_parses(server, sql); };
  PGKEEP_TRY(findings::Report report, lint::lint(files, {.limits = limits,
                                                         .database = database,
                                                         .server_major = server_major,
                                                         // Such a statement is a step of its own.
                                                         .skip = {"concurrently-in-transaction"},
                                                         .server_parses = parses}));
  std::erase_if(report.findings, [&](const findings::Finding& finding) {
    return allowed.contains(finding.rule) || finding.severity != findings::Severity::error;
  });
  return report;
}

base::Result<RunResult> run_up(const Folder& folder, const RunOptions& options) {
  RunResult result;
  PGKEEP_TRY(Begun begun, begin(folder, options));
  const int major = begun.servers.work.version().major();
  PlanOptions how{.to = options.to, .allows_gaps = options.allows_gaps, .server_major = major};
  PGKEEP_TRY(Plan plan, plan_up(folder, begun.history, how));
  const bool is_nothing = plan.todo.empty() && !has_hooks_of_up(folder);
  std::optional<catalog::Snapshot> database;
  if (options.read_database && !is_nothing) { // Where nothing is to be done nothing is read.
    PGKEEP_TRY(database, options.read_database());
    how.database = &*database;
    PGKEEP_TRY(plan, plan_up(folder, begun.history, how));
  }
  result.problems = std::move(plan.problems);
  for (const Planned& planned : plan.todo) {
    if (auto problem = changed_under_way(begun.servers.eyes, planned))
      result.problems.push_back(*std::move(problem));
  }
  if (!result.problems.empty() || is_nothing) return result;
  PGKEEP_TRY(findings::Report report, judge(folder, plan.todo, how.database, major, options.allowed,
                                            options.limits, begun.servers.eyes));
  if (!report.findings.empty()) {
    result.refused = std::move(report);
    return result;
  }
  Run run(begun.servers, folder, options);
  auto done = [&]() -> base::Result<> {
    PGKEEP_CHECK(run.hooks(Moment::before_migrate));
    for (const Planned& planned : plan.todo) {
      PGKEEP_CHECK(begun.lock.check());
      PGKEEP_CHECK(run.up(planned));
      result.done.push_back(planned.migration->label());
    }
    PGKEEP_CHECK(run.hooks(Moment::after_migrate));
    return result.done.empty() ? base::Result<>() : run.hooks(Moment::after_migrate_applied);
  }();
  if (done) return result;
  run.hooks_of_failure(Moment::after_migrate_error);
  return std::move(done).error();
}

base::Result<RunResult> run_down(const Folder& folder, const RunOptions& options) {
  RunResult result;
  PGKEEP_TRY(Begun begun, begin(folder, options));
  const int major = begun.servers.work.version().major();
  PGKEEP_TRY(const std::vector<PlannedDown> planned,
             plan_down(folder, begun.history, {.to = options.to, .server_major = major}));
  Run run(begun.servers, folder, options);
  auto done = [&]() -> base::Result<> {
    PGKEEP_CHECK(run.hooks(Moment::before_undo));
    for (const PlannedDown& each : planned) {
      PGKEEP_CHECK(begun.lock.check());
      PGKEEP_CHECK(run.down(each));
      result.done.push_back(each.migration->label());
    }
    if (!result.done.empty()) PGKEEP_CHECK(forget_repeatable(begun.servers.work));
    return run.hooks(Moment::after_undo);
  }();
  if (done) return result;
  run.hooks_of_failure(Moment::after_undo_error);
  return std::move(done).error();
}

} // namespace pgkeep::migrate
