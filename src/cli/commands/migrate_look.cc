// migrate plan, status: what would run and what it locks; what was run.
#include <fmt/format.h>

#include "base/text.h"
#include "base/units.h"
#include "cli/command.h"
#include "cli/judging.h"
#include "cli/migrating.h"
#include "cli/target.h"
#include "findings/limits.h"
#include "findings/render.h"
#include "migrate/baseline.h"
#include "migrate/runner.h"

namespace pgkeep::cli {
namespace {

constexpr Flag kPlanFlags[] = {
    kDirFlag,
    kSetFlag,
    {.name = "out-of-order", .help = "Also versions below the newest applied one."},
    kMigrateFormatFlag,
    kConfigFlag};
constexpr Flag kStatusFlags[] = {
    kDirFlag,
    kSetFlag,
    {.name = "steps", .help = "Also each step: its time, tries and waits."},
    kMigrateFormatFlag,
    kConfigFlag};

std::string lock_text(const lint::Effect& effect) {
  std::string work;
  if (effect.rewrites) work = ", rewrites it";
  if (effect.scans) work = ", reads all of it";
  if (effect.builds_index) work = ", builds an index";
  return fmt::format("{} on {}{}", lint::name_of(effect.mode), effect.relation.text(), work);
}

base::Json to_json(const migrate::Planned& planned) {
  base::Json steps = base::Json::Array{};
  for (const migrate::Step& step : planned.steps) {
    base::Json locks = base::Json::Array{};
    for (const migrate::StepStatement& statement : step.statements) {
      for (const lint::Effect& effect : statement.locks)
        locks.push(base::Json{{"relation", effect.relation.text()},
                              {"lock", lint::name_of(effect.mode)},
                              {"rewrites", effect.rewrites},
                              {"scans", effect.scans},
                              {"builds_index", effect.builds_index}});
    }
    steps.push(base::Json{{"kind", migrate::name_of(step.kind)},
                          {"title", step.title()},
                          {"locks", std::move(locks)}});
  }
  return base::Json{{"migration", planned.migration->label()},
                    {"file", planned.migration->up.path},
                    {"goes_on", planned.unfinished.has_value()},
                    {"steps", std::move(steps)}};
}

void print_planned(const migrate::Planned& planned, Io& io) {
  io.out(fmt::format("{}  {}{}\n", planned.migration->label(), planned.migration->up.path,
                     planned.unfinished
                         ? fmt::format("  (goes on: {} of {} steps are done)",
                                       planned.unfinished->steps_done, planned.steps.size())
                         : ""));
  int number = 0;
  for (const migrate::Step& step : planned.steps) {
    io.out(fmt::format("  {}. {}: {}\n", ++number, migrate::name_of(step.kind), step.title()));
    for (const migrate::StepStatement& statement : step.statements) {
      for (const lint::Effect& effect : statement.locks)
        io.out(fmt::format("       {}\n", lock_text(effect)));
      if (statement.is_unknown)
        io.out(fmt::format("       {}: not understood here; it is run as if it locked everything\n",
                           statement.where));
    }
  }
}

base::Result<Exit> run_plan(const Arguments& arguments, Io& io) {
  PGKEEP_TRY(const migrate::Folder folder, open_folder(arguments));
  PGKEEP_TRY(const base::Config config, load_config(arguments));
  const std::string target = target_of(arguments);
  PGKEEP_TRY(
      const catalog::Snapshot database,
      take_snapshot({.target = target, .command = "migrate", .is_of_schema_alone = true}, io));
  PGKEEP_TRY(postgres::Connection server,
             postgres::Connection::open(target, {.application_name = "pgkeep/migrate-plan"}));
  PGKEEP_CHECK(migrate::check_no_foreign_history(server));
  PGKEEP_TRY(const std::vector<migrate::HistoryRow> history, migrate::read_history(server));
  PGKEEP_TRY(const migrate::Plan plan,
             migrate::plan_up(folder, history,
                              {.allows_gaps = arguments.has("out-of-order"),
                               .database = &database,
                               .server_major = server.version().major()}));
  PGKEEP_TRY(const findings::Report dangers,
             migrate::judge(folder, plan.todo, &database, server.version().major(), {},
                            findings::limits_from(config), server));
  if (wants_json(arguments)) {
    base::Json todo = base::Json::Array{};
    for (const migrate::Planned& planned : plan.todo)
      todo.push(to_json(planned));
    base::Json hooks = base::Json::Array{};
    for (const migrate::Hook& hook : folder.hooks)
      hooks.push(base::Json{{"moment", migrate::name_of(hook.moment)}, {"file", hook.source.path}});
    io.out(base::Json{
               {"pgkeep", "migrate-plan/1"}, {"todo", std::move(todo)}, {"hooks", std::move(hooks)}}
               .dump() +
           "\n");
  } else {
    for (const migrate::Planned& planned : plan.todo)
      print_planned(planned, io);
    for (const migrate::Hook& hook : folder.hooks)
      io.out(fmt::format("{}  {}\n", migrate::name_of(hook.moment), hook.source.path));
    if (plan.todo.empty()) io.out("Nothing to do: every migration is applied.\n");
  }
  print_problems(plan.problems, arguments, io);
  if (!dangers.findings.empty())
    io.out(findings::render(dangers,
                            wants_json(arguments) ? findings::Format::json : findings::Format::text,
                            {.colour = io.colour(), .columns = io.columns()}));
  const bool may_run = plan.problems.empty() && dangers.findings.empty();
  return may_run ? Exit::done : Exit::findings;
}

base::Json to_json(const migrate::HistoryRow& row) {
  return base::Json{{"kind", migrate::name_of(row.kind)},
                    {"version", row.version},
                    {"name", row.name},
                    {"file", row.file},
                    {"state", migrate::name_of(row.state)},
                    {"steps_done", row.steps_done},
                    {"steps", row.steps_total},
                    {"applied_by", row.applied_by},
                    {"tool", row.tool},
                    {"started_at", row.started_at},
                    {"finished_at", row.finished_at},
                    {"duration_ms", row.duration_ms},
                    {"error", row.error}};
}

struct Line {
  std::string state;
  std::string label;
  std::string when;
  std::string who;
  std::string duration;
};

void print_table(const std::vector<Line>& lines, Io& io) {
  std::size_t label = 9;
  for (const Line& line : lines)
    label = std::max(label, base::columns_of(line.label));
  for (const Line& line : lines)
    io.out(fmt::format("{:<9} {:<{}}  {:<20}  {:<12}  {}\n", line.state, line.label, label,
                       line.when, line.who, line.duration));
}

base::Result<> print_steps(postgres::Connection& server, const migrate::HistoryRow& row, Io& io) {
  PGKEEP_TRY(const std::vector<migrate::StepRow> steps,
             migrate::read_steps(server, row.id, row.state == migrate::State::undoing));
  for (const migrate::StepRow& step : steps)
    io.out(fmt::format(
        "            {}. {:<8} {:<12} {}{}\n", step.number, step.state, step.kind, step.title,
        step.state == "pending"
            ? ""
            : fmt::format(" ({}, {} tries, waited {})",
                          base::human_duration(std::chrono::milliseconds{step.duration_ms}),
                          step.attempts,
                          base::human_duration(std::chrono::milliseconds{step.waited_ms}))));
  return {};
}

base::Result<Exit> run_status(const Arguments& arguments, Io& io) {
  PGKEEP_TRY(const migrate::Folder folder, open_folder(arguments));
  PGKEEP_TRY(postgres::Connection server,
             postgres::Connection::open(target_of(arguments),
                                        {.application_name = "pgkeep/migrate-status"}));
  PGKEEP_TRY(const std::vector<migrate::HistoryRow> history, migrate::read_history(server));
  PGKEEP_TRY(const migrate::Plan plan,
             migrate::plan_up(folder, history, {.server_major = server.version().major()}));
  if (wants_json(arguments)) {
    base::Json rows = base::Json::Array{};
    for (const migrate::HistoryRow& row : history)
      rows.push(to_json(row));
    base::Json pending = base::Json::Array{};
    for (const migrate::Planned& planned : plan.todo)
      pending.push(base::Json{{"migration", planned.migration->label()},
                              {"file", planned.migration->up.path}});
    io.out(base::Json{{"pgkeep", "migrate-status/1"},
                      {"history", std::move(rows)},
                      {"pending", std::move(pending)}}
               .dump() +
           "\n");
    return Exit::done;
  }
  std::vector<Line> lines;
  for (const migrate::HistoryRow& row : history) {
    lines.push_back({std::string(migrate::name_of(row.state)),
                     row.kind == migrate::Kind::versioned
                         ? fmt::format("V{} {}", row.version, row.name)
                         : "R " + row.name,
                     row.finished_at.empty() ? row.started_at : row.finished_at, row.applied_by,
                     base::human_duration(std::chrono::milliseconds{row.duration_ms})});
    if (!arguments.has("steps")) continue;
    print_table(lines, io);
    lines.clear();
    PGKEEP_CHECK(print_steps(server, row, io));
  }
  for (const migrate::Planned& planned : plan.todo) {
    if (!planned.unfinished) lines.push_back({"pending", planned.migration->label(), "", "", ""});
  }
  if (lines.empty() && history.empty()) io.out("No migration is applied and none is pending.\n");
  print_table(lines, io);
  for (const migrate::HistoryRow& row : history) {
    if (!row.error.empty()) io.out(fmt::format("\nV{} {}: {}\n", row.version, row.name, row.error));
  }
  print_problems(plan.problems, arguments, io);
  return Exit::done;
}

} // namespace

const Command migrate_plan_command{
    .name = "migrate plan",
    .summary = "Show what `migrate up` would run: steps, locks, dangers",
    .details =
        "Reads the folder, the history and the database's sizes; nothing is run. Exit 1 where "
        "`up` would refuse.",
    .words = "[TARGET]",
    .words_help = "TARGET is a libpq URI or connection string; left out, the PG* variables apply.",
    .words_max = 1,
    .example = "pgkeep migrate plan postgresql://readonly@db.example.org/shop",
    .flags = kPlanFlags,
    .run = run_plan};

const Command migrate_status_command{
    .name = "migrate status",
    .summary = "Show what is applied, by whom and when, and what is pending",
    .words = "[TARGET]",
    .words_help = "TARGET is a libpq URI or connection string; left out, the PG* variables apply.",
    .words_max = 1,
    .example = "pgkeep migrate status --steps postgresql://readonly@db.example.org/shop",
    .flags = kStatusFlags,
    .run = run_status};

} // namespace pgkeep::cli
