// migrate up, down: run what is pending, or take it back.
#include <fmt/format.h>

#include "audit/audit.h"
#include "base/interrupt.h"
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
#include "migrate/schema_file.h"

namespace pgkeep::cli {
namespace {

constexpr Flag kToUpFlag{
    .name = "to", .value = "VERSION", .help = "Stop behind this version; later ones stay pending."};
constexpr Flag kToDownFlag{.name = "to",
                           .value = "VERSION",
                           .help = "The version that stays, 0 for none; else the newest one alone "
                                   "goes down."};
constexpr Flag kWaitFlag{.name = "wait",
                         .value = "DURATION",
                         .fallback = "10min",
                         .help =
                             "How long a step may wait for locks in all, outside their queues."};
constexpr Flag kTryFlag{.name = "lock-timeout",
                        .value = "DURATION",
                        .fallback = "20ms",
                        .help = "How long one try waits in the queue of a lock that stops others."};
constexpr Flag kBusyFlag{.name = "if-running",
                         .value = "WHAT",
                         .fallback = "wait",
                         .help = "Where another runner is at work here.",
                         .choices = "wait leave"};

constexpr Flag kSchemaFlag{
    .name = "schema-file",
    .value = "FILE",
    .help = "Write the schema to this file when it is done, as SQL; else migrate.schema-file of "
            "pgkeep.toml."};

constexpr Flag kUpFlags[] = {
    kDirFlag,
    kSetFlag,
    kToUpFlag,
    {.name = "dry-run", .help = "Print the SQL of every step, in order; run nothing."},
    {.name = "allow",
     .value = "RULE",
     .help = "Accept what this rule calls dangerous.",
     .may_repeat = true},
    {.name = "out-of-order", .help = "Also run versions below the newest applied one."},
    kWaitFlag,
    kTryFlag,
    kBusyFlag,
    kSchemaFlag,
    kMigrateFormatFlag,
    kConfigFlag};
constexpr Flag kDownFlags[] = {kDirFlag,  kSetFlag,    kToDownFlag,        kWaitFlag,  kTryFlag,
                               kBusyFlag, kSchemaFlag, kMigrateFormatFlag, kConfigFlag};

base::Result<std::optional<migrate::Version>> version_of(const Arguments& arguments) {
  const auto text = arguments.get("to");
  if (!text) return std::optional<migrate::Version>();
  auto version = migrate::Version::parse(text->starts_with('V') ? text->substr(1) : *text);
  if (!version)
    return base::Error{.code = base::Code::usage,
                       .what = fmt::format("--to \"{}\" is no version", base::printable(*text)),
                       .expected = "digits, such as 012"};
  return version;
}

base::Result<std::chrono::milliseconds> duration_of(const Arguments& arguments,
                                                    std::string_view flag) {
  const auto duration = base::parse_duration(*arguments.get(flag));
  if (!duration) {
    base::Error error = duration.error();
    error.code = base::Code::usage;
    error.where = fmt::format("--{}", flag);
    return error;
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(*duration);
}

base::Result<migrate::RunOptions> options_of(const Arguments& arguments, Io& io) {
  PGKEEP_TRY(const base::Config config, load_config(arguments));
  migrate::RunOptions options{.target = target_of(arguments),
                              .tool = tool_name(),
                              .allows_gaps = arguments.has("out-of-order"),
                              .waits_for_runner = arguments.get("if-running") != "leave",
                              .limits = findings::limits_from(config),
                              .observer = event_printer(arguments, io)};
  PGKEEP_TRY(options.to, version_of(arguments));
  PGKEEP_TRY(options.patience.budget, duration_of(arguments, "wait"));
  PGKEEP_TRY(options.patience.lock_try, duration_of(arguments, "lock-timeout"));
  for (const std::string& rule : arguments.list("allow"))
    options.allowed.insert(rule);
  options.read_database = [target = options.target, &io] {
    return take_snapshot({.target = target, .command = "migrate", .is_of_schema_alone = true}, io);
  };
  return options;
}

Exit report(const migrate::RunResult& result, std::string_view nothing, const Arguments& arguments,
            Io& io) {
  if (!result.problems.empty()) {
    print_problems(result.problems, arguments, io);
    return Exit::findings;
  }
  if (result.refused) {
    const findings::RenderOptions look{.colour = io.colour(), .columns = io.columns()};
    io.out(findings::render(*result.refused,
                            wants_json(arguments) ? findings::Format::json : findings::Format::text,
                            look));
    io.err("Nothing was run. `pgkeep migrate rewrite FILE` writes the safe form; --allow RULE "
           "accepts the danger.\n");
    return Exit::findings;
  }
  if (result.done.empty()) {
    io.err(fmt::format("{}\n", nothing));
  } else if (wants_json(arguments)) {
    io.out(base::Json{{"event", "done"}, {"migrations", base::Json::list(result.done)}}.dump() +
           "\n");
  }
  return Exit::done;
}

/// Values stand there by their names: some are nobody's business.
void print_steps(const std::vector<migrate::Step>& steps, Io& io) {
  for (const migrate::Step& step : steps) {
    const bool is_transaction = step.kind == migrate::StepKind::transaction;
    if (is_transaction) io.out("BEGIN;\n");
    if (step.kind == migrate::StepKind::batch || step.kind == migrate::StepKind::shadow)
      io.out(fmt::format("-- pgkeep:{} {}\n", step.directive.name, step.directive.text));
    for (const migrate::StepStatement& statement : step.statements) {
      io.out(fmt::format("{};\n", base::trim(statement.shown)));
      if (statement.data) io.out(fmt::format("{}\\.\n", *statement.data));
    }
    if (is_transaction) io.out("COMMIT;\n");
  }
}

/// Also where nothing was to be done: a run before may not have come so far.
base::Result<> write_schema(const Arguments& arguments, const migrate::RunResult& result, Io& io) {
  PGKEEP_TRY(const base::Config config, load_config(arguments));
  const base::ConfigValue* const key = config.find("migrate", "schema-file");
  const std::string path = arguments.get("schema-file").value_or(key == nullptr ? "" : key->text);
  if (path.empty() || !result.problems.empty() || result.refused) return {};
  auto written = migrate::write_schema_file(target_of(arguments), path);
  if (!written) {
    base::Error error = std::move(written).error();
    if (!result.done.empty())
      error.left = fmt::format("the migrations are done; only {} is not written, and the same "
                               "command writes it",
                               path);
    return error;
  }
  if (*written) io.err(fmt::format("wrote {}\n", path));
  return {};
}

/// The hooks that run then, as SQL.
base::Result<> print_hooks(const migrate::Folder& folder, migrate::Moment moment, int major,
                           Io& io) {
  for (const migrate::Hook* const hook : hooks_at(folder.hooks, moment)) {
    PGKEEP_TRY(const std::vector<migrate::Step> steps, steps_of_hook(*hook, major));
    io.out(fmt::format("-- {} ({})\n", migrate::name_of(moment), hook->source.path));
    print_steps(steps, io);
  }
  return {};
}

/// What would run, as SQL.
base::Result<Exit> print_sql(const Arguments& arguments, Io& io) {
  PGKEEP_TRY(const migrate::Folder folder, open_folder(arguments));
  PGKEEP_TRY(const migrate::RunOptions options, options_of(arguments, io));
  PGKEEP_TRY(migrate::Servers servers, migrate::open_servers(options.target));
  PGKEEP_CHECK(migrate::check_no_foreign_history(servers.eyes));
  PGKEEP_TRY(const std::vector<migrate::HistoryRow> history, migrate::read_history(servers.eyes));
  PGKEEP_TRY(const migrate::Plan plan,
             migrate::plan_up(folder, history,
                              {.to = options.to,
                               .allows_gaps = options.allows_gaps,
                               .server_major = servers.work.version().major()}));
  const int major = servers.work.version().major();
  PGKEEP_CHECK(print_hooks(folder, migrate::Moment::before_migrate, major, io));
  for (const migrate::Planned& planned : plan.todo) {
    PGKEEP_CHECK(print_hooks(folder, migrate::Moment::before_each_migrate, major, io));
    io.out(fmt::format("-- {} ({})\n", planned.migration->label(), planned.migration->up.path));
    print_steps(planned.steps, io);
    PGKEEP_CHECK(print_hooks(folder, migrate::Moment::after_each_migrate, major, io));
  }
  PGKEEP_CHECK(print_hooks(folder, migrate::Moment::after_migrate, major, io));
  PGKEEP_CHECK(print_hooks(folder, migrate::Moment::after_migrate_applied, major, io));
  if (plan.problems.empty()) return Exit::done;
  print_problems(plan.problems, arguments, io);
  return Exit::findings;
}

base::Result<Exit> run_up(const Arguments& arguments, Io& io) {
  if (arguments.has("dry-run")) return print_sql(arguments, io);
  PGKEEP_TRY(const migrate::Folder folder, open_folder(arguments));
  PGKEEP_TRY(const migrate::RunOptions options, options_of(arguments, io));
  base::catch_interrupts();
  PGKEEP_TRY(const migrate::RunResult result, migrate::run_up(folder, options));
  io.end_progress();
  PGKEEP_CHECK(write_schema(arguments, result, io));
  return report(result, "Nothing to do: every migration is applied.", arguments, io);
}

base::Result<Exit> run_down(const Arguments& arguments, Io& io) {
  PGKEEP_TRY(const migrate::Folder folder, open_folder(arguments));
  PGKEEP_TRY(const migrate::RunOptions options, options_of(arguments, io));
  base::catch_interrupts();
  PGKEEP_TRY(const migrate::RunResult result, migrate::run_down(folder, options));
  io.end_progress();
  PGKEEP_CHECK(write_schema(arguments, result, io));
  return report(result, "Nothing to do: no migration is applied.", arguments, io);
}

} // namespace

const Command migrate_up_command{
    .name = "migrate up",
    .summary = "Run the migrations that are pending, without stopping the application",
    .details =
        "Each file is cut into steps: what may run in a transaction runs in one, what may not "
        "(CREATE "
        "INDEX CONCURRENTLY) is a step of its own, an UPDATE or DELETE under `-- pgkeep:batch` "
        "runs "
        "in small batches. A lock that would stop others is tried for 20 ms at a time, and whoever "
        "is "
        "in the way is named. Killed at any point, the same command goes on from there. What the "
        "rules of `pgkeep lint` call an error at the sizes at hand is refused.",
    .words = "[TARGET]",
    .words_help = "TARGET is a libpq URI or connection string; left out, the PG* variables apply.",
    .words_max = 1,
    .example = "pgkeep migrate up postgresql://migrator@db.example.org/shop\n"
               "pgkeep migrate up --to 042 --wait 2min --format json",
    .flags = kUpFlags,
    .run = run_up};

const Command migrate_down_command{
    .name = "migrate down",
    .summary = "Take back the newest migration, or all down to a version",
    .details = "Runs the .down.sql files, the newest first, as politely as `migrate up` runs the "
               "others.",
    .words = "[TARGET]",
    .words_help = "TARGET is a libpq URI or connection string; left out, the PG* variables apply.",
    .words_max = 1,
    .example = "pgkeep migrate down --to 041 postgresql://migrator@db.example.org/shop",
    .flags = kDownFlags,
    .run = run_down};

} // namespace pgkeep::cli
