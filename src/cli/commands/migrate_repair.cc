// migrate repair: what is wrong with the history, and one thing at a time to mend it.
#include <fmt/format.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/judging.h"
#include "cli/migrating.h"
#include "migrate/repair.h"
#include "migrate/runner.h"
#include "migrate/runner_lock.h"
#include "migrate/shadow.h"

namespace pgkeep::cli {
namespace {

constexpr Flag kFlags[] = {
    kDirFlag,
    kSetFlag,
    {.name = "accept",
     .value = "MIGRATION",
     .help = "The file as it is now counts as what was applied."},
    {.name = "forget",
     .value = "MIGRATION",
     .help = "Take its row out of the history; nothing in the database is undone."},
    {.name = "clear",
     .value = "MIGRATION",
     .help = "It failed, and what it did was taken back by hand: it is pending again."},
    {.name = "applied",
     .value = "MIGRATION",
     .help = "It failed, and the rest of it was done by hand: it is applied."},
    {.name = "drop-invalid",
     .value = "MIGRATION",
     .help = "Drop the INVALID indexes that its steps left."},
    {.name = "abort-shadow",
     .help = "Take away the shadow tables that did not reach their swap, without a trace."},
    {.name = "drop-kept", .help = "Drop the old tables that shadow tables have replaced."},
    kMigrateFormatFlag,
    kConfigFlag};

struct Way {
  std::string_view flag;
  migrate::Repair repair;
};
constexpr Way kWays[] = {{"accept", migrate::Repair::accept},
                         {"forget", migrate::Repair::forget},
                         {"clear", migrate::Repair::clear},
                         {"applied", migrate::Repair::mark_applied},
                         {"drop-invalid", migrate::Repair::drop_invalid}};

base::Result<migrate::RepairOptions> options_of(const Arguments& arguments) {
  migrate::RepairOptions options{.target = target_of(arguments), .tool = tool_name()};
  for (const Way& way : kWays) {
    const auto migration = arguments.get(way.flag);
    if (!migration) continue;
    if (options.repair != migrate::Repair::look)
      return base::Error{.code = base::Code::usage,
                         .what = "one thing at a time",
                         .where = fmt::format("--{}", way.flag),
                         .hint = "Repair one, look, then the other."};
    options.repair = way.repair;
    options.migration = *migration;
  }
  return options;
}

Exit print_look(const migrate::RepairResult& result, const Arguments& arguments, Io& io) {
  print_problems(result.problems, arguments, io);
  if (!result.problems.empty()) return Exit::findings;
  if (!wants_json(arguments)) io.out("Nothing to repair.\n");
  return Exit::done;
}

/// --abort-shadow, --drop-kept: about all shadow tables of the database.
base::Result<Exit> clear_shadows(const Arguments& arguments, Io& io) {
  const std::string target = target_of(arguments);
  const migrate::Observer observer = event_printer(arguments, io);
  const auto on_wait = [&](const std::string& holder) {
    observer({.kind = "waiting", .text = "another runner is at work: " + holder});
  };
  PGKEEP_TRY(const migrate::RunnerLock lock,
             migrate::RunnerLock::acquire(target, {.on_wait = on_wait}));
  PGKEEP_TRY(migrate::Servers servers, migrate::open_servers(target, observer));
  const bool is_abort = arguments.has("abort-shadow");
  PGKEEP_TRY(const std::vector<std::string> tables,
             is_abort ? migrate::abort_shadows(servers, {}, observer)
                      : migrate::drop_kept(servers, {}, observer));
  for (const std::string& table : tables)
    io.out(fmt::format("{} {}\n",
                       is_abort ? "no shadow any more:" : "dropped:", base::printable(table)));
  if (tables.empty()) io.out("There was none.\n");
  return Exit::done;
}

base::Result<Exit> run_repair(const Arguments& arguments, Io& io) {
  if (arguments.has("abort-shadow") || arguments.has("drop-kept"))
    return clear_shadows(arguments, io);
  PGKEEP_TRY(const migrate::RepairOptions options, options_of(arguments));
  PGKEEP_TRY(const migrate::Folder folder, open_folder(arguments));
  PGKEEP_TRY(const migrate::RepairResult result, migrate::repair(folder, options));
  if (options.repair == migrate::Repair::look) return print_look(result, arguments, io);
  if (wants_json(arguments)) {
    io.out(base::Json{{"pgkeep", "migrate-repair/1"},
                      {"migration", result.migration},
                      {"before", base::Json::list(result.before)},
                      {"after", base::Json::list(result.after)}}
               .dump() +
           "\n");
    return Exit::done;
  }
  io.out(result.migration + "\n");
  for (const std::string& line : result.before)
    io.out(fmt::format("  before: {}\n", base::printable(line)));
  for (const std::string& line : result.after)
    io.out(fmt::format("  after:  {}\n", base::printable(line)));
  return Exit::done;
}

} // namespace

const Command migrate_repair_command{
    .name = "migrate repair",
    .summary = "Show what is wrong with the history of migrations, and mend one thing",
    .details = "Without a flag it shows what is wrong and what would mend it, and exits 1 where "
               "there is something. MIGRATION is a version (012), or 'R views' for R__views.sql. "
               "Another runner at work is waited for.",
    .words = "[TARGET]",
    .words_help = "TARGET is a libpq URI or connection string; left out, the PG* variables apply.",
    .words_max = 1,
    .example = "pgkeep migrate repair postgresql://migrator@db.example.org/shop\n"
               "pgkeep migrate repair --accept 012 postgresql://migrator@db.example.org/shop",
    .flags = kFlags,
    .run = run_repair};

} // namespace pgkeep::cli
