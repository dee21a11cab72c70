// migrate test: up, down and up again on a throwaway server, with what every statement locks.
// (A file named migrate_test.cc would be a unit test to the build.)
#include <algorithm>
#include <charconv>
#include <iterator>

#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/judging.h"
#include "cli/migrating.h"
#include "migrate/history.h"
#include "migrate/rehearsal.h"
#include "sandbox/like.h"
#include "sandbox/live_settings.h"
#include "sandbox/plans.h"
#include "sandbox/rows.h"
#include "sandbox/sandbox.h"
#include "sandbox/statistics.h"

namespace pgkeep::cli {
namespace {

constexpr const char* kDatabase = "rehearsal";
constexpr const char* kModel = "rehearsal_model";
constexpr std::int64_t kRowsMax = 10'000'000;

constexpr Flag kFlags[] = {
    kDirFlag,
    kSetFlag,
    {.name = "like",
     .value = "URL",
     .help = "Rehearse what is pending there, on its schema, and say what it would be at its "
             "sizes. No row of it is read."},
    {.name = "rows",
     .value = "N",
     .fallback = "0",
     .help = "With --like: make up N rows for every table, by types, keys and constraints."},
    {.name = "pg-version",
     .value = "N",
     .help = "Major version of the throwaway server; else that of --like, else the newest here."},
    {.name = "pg-bin",
     .value = "DIR",
     .help = "Folder of initdb and postgres; else pg_config's and /usr/lib/postgresql."},
    {.name = "format",
     .value = "FORMAT",
     .fallback = "text",
     .help = "How to report.",
     .choices = "text json"},
    kConfigFlag};

base::Result<std::int64_t> number_of(const Arguments& arguments, std::string_view flag,
                                     std::int64_t most) {
  const std::string text = arguments.get(flag).value_or("0");
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && stop == text.data() + text.size() && number >= 0 && number <= most)
    return number;
  return base::Error{.code = base::Code::usage,
                     .what = fmt::format("--{} cannot be \"{}\"", flag, base::printable(text)),
                     .expected = fmt::format("a number from 0 to {}", most)};
}

/// What the rehearsal is made from.
struct Stage {
  std::unique_ptr<sandbox::Sandbox> server;
  std::optional<sandbox::Live> live;
  std::optional<sandbox::LiveStatistics> statistics;
  std::optional<sandbox::PlanRoom> plans;
  std::vector<const migrate::Migration*> todo;
  std::vector<std::string> notes;
};

void take_notes(std::vector<std::string> notes, Stage& stage) {
  std::ranges::move(notes, std::back_inserter(stage.notes));
}

/// Live statistics and settings, and a model of the database that stays empty: plans are made on
/// it.
base::Result<> make_statistics(postgres::Connection& live, Stage& stage, Io& io) {
  io.step("copying statistics");
  PGKEEP_TRY(stage.statistics, sandbox::read_statistics(live));
  take_notes(stage.statistics->notes, stage);
  {
    PGKEEP_TRY(postgres::Connection database, stage.server->connect(kDatabase));
    PGKEEP_TRY(std::vector<std::string> notes,
               sandbox::write_statistics(database, *stage.statistics));
    take_notes(std::move(notes), stage);
  }
  PGKEEP_CHECK(stage.server->clone_database(kModel, kDatabase));
  PGKEEP_TRY(stage.plans, sandbox::PlanRoom::open(*stage.server, kModel, *stage.statistics));
  if (!stage.plans->note().empty()) stage.notes.push_back(stage.plans->note());
  return {};
}

/// Of the live database: which migrations are pending, its schema, its sizes.
base::Result<> make_like(const std::string& target, postgres::Connection& live, std::int64_t rows,
                         const migrate::Folder& folder, Stage& stage, Io& io) {
  io.step("copying the schema");
  PGKEEP_TRY(const std::vector<migrate::HistoryRow> history, migrate::read_history(live));
  PGKEEP_TRY(
      const migrate::Plan plan,
      migrate::plan_up(folder, history, {.allows_gaps = true, .server_major = stage.live->major}));
  stage.todo.clear();
  for (const migrate::Planned& each : plan.todo)
    stage.todo.push_back(each.migration);
  for (const migrate::Problem& each : plan.problems)
    stage.notes.push_back(fmt::format("{}: {}", each.migration, each.text));
  PGKEEP_TRY(const sandbox::LiveSettings settings, sandbox::read_settings(live));
  PGKEEP_TRY(const std::optional<std::string> order,
             sandbox::create_database_like(*stage.server, kDatabase, settings));
  if (order) stage.notes.push_back(*order);
  PGKEEP_TRY(std::vector<std::string> left_out,
             sandbox::copy_schema(target, live, *stage.live, *stage.server, kDatabase));
  for (std::string& each : left_out)
    stage.notes.push_back("not made here: " + std::move(each));
  PGKEEP_TRY(std::vector<std::string> unknown,
             sandbox::write_settings(*stage.server, kDatabase, settings));
  take_notes(std::move(unknown), stage);
  PGKEEP_CHECK(make_statistics(live, stage, io));
  if (rows == 0) return {};
  io.step("making up rows");
  {
    PGKEEP_TRY(postgres::Connection database, stage.server->connect(kDatabase));
    PGKEEP_TRY(sandbox::Filled filled, sandbox::fill_tables(database, *stage.live, rows));
    for (std::string& each : filled.skipped)
      stage.notes.push_back("no rows were made up for " + std::move(each));
  }
  // The rows were analyzed, and the live statistics count.
  PGKEEP_TRY(postgres::Connection database, stage.server->connect(kDatabase));
  PGKEEP_CHECK(sandbox::write_statistics(database, *stage.statistics));
  return {};
}

base::Result<Stage> set_up(const Arguments& arguments, const migrate::Folder& folder, Io& io) {
  Stage stage;
  PGKEEP_TRY(const std::int64_t wanted, number_of(arguments, "pg-version", 99));
  PGKEEP_TRY(const std::int64_t rows, number_of(arguments, "rows", kRowsMax));
  const std::optional<std::string> like = arguments.get("like");
  if (rows > 0 && !like)
    return base::Error{.code = base::Code::usage,
                       .what = "--rows is for the tables of a live database",
                       .expected = "--like URL beside it"};
  std::optional<postgres::Connection> live;
  if (like) {
    PGKEEP_TRY(live,
               postgres::Connection::open(*like, {.application_name = "pgkeep/migrate-test"}));
    PGKEEP_TRY(stage.live, sandbox::read_live(*live));
  }
  std::optional<int> major;
  if (live) major = stage.live->major;
  if (wanted > 0) major = static_cast<int>(wanted);
  std::optional<std::filesystem::path> pg_bin;
  if (const auto bin = arguments.get("pg-bin")) pg_bin = *bin;
  PGKEEP_TRY(const postgres::ServerBinaries binaries, sandbox::find_server(pg_bin, major));
  io.step(fmt::format("starting a throwaway PostgreSQL {}", postgres::to_text(binaries.version)));
  PGKEEP_TRY(stage.server, sandbox::Sandbox::start(binaries));
  if (!live) PGKEEP_CHECK(stage.server->create_database(kDatabase));
  for (const migrate::Migration& each : folder.migrations)
    stage.todo.push_back(&each);
  if (live) PGKEEP_CHECK(make_like(*like, *live, rows, folder, stage, io));
  return stage;
}

base::Json steps_json(const std::vector<migrate::TracedStep>& steps) {
  base::Json list{base::Json::Array{}};
  for (const migrate::TracedStep& step : steps)
    list.push(to_json(step));
  return list;
}

base::Json to_json(const migrate::Rehearsal& rehearsal, const Stage& stage) {
  base::Json migrations{base::Json::Array{}};
  for (const migrate::RehearsedMigration& each : rehearsal.migrations)
    migrations.push(base::Json{{"migration", each.label},
                               {"file", each.file},
                               {"up", steps_json(each.up)},
                               {"down", steps_json(each.down)}});
  base::Json problems{base::Json::Array{}};
  for (const migrate::RehearsalProblem& each : rehearsal.problems)
    problems.push(base::Json{{"kind", each.kind},
                             {"migration", each.migration},
                             {"file", each.file},
                             {"text", each.text},
                             {"details", base::Json::list(each.details)},
                             {"hint", each.hint}});
  std::vector<std::string> notes = stage.notes;
  notes.insert(notes.end(), rehearsal.notes.begin(), rehearsal.notes.end());
  return base::Json{{"pgkeep", "migrate-test/1"},
                    {"server", postgres::to_text(stage.server->binaries().version)},
                    {"like", stage.live ? base::Json(stage.live->label) : base::Json()},
                    {"went_down", rehearsal.went_down},
                    {"problems", std::move(problems)},
                    {"notes", base::Json::list(notes)},
                    {"migrations", std::move(migrations)}};
}

void print_steps(std::string_view direction, const std::vector<migrate::TracedStep>& steps,
                 Io& io) {
  if (steps.empty()) return;
  io.out(fmt::format("  {}\n", direction));
  for (const migrate::TracedStep& step : steps) {
    for (const std::string& line : lines_of(step))
      io.out(fmt::format("    {}\n", base::printable(line)));
  }
}

void print_text(const migrate::Rehearsal& rehearsal, const Stage& stage, Io& io) {
  for (const migrate::RehearsedMigration& each : rehearsal.migrations) {
    io.out(fmt::format("{}  {}\n", each.label, each.file));
    print_steps("up", each.up, io);
    print_steps("down", each.down, io);
  }
  if (!rehearsal.migrations.empty()) io.out("\n");
  for (const migrate::RehearsalProblem& each : rehearsal.problems) {
    io.out(fmt::format("{}: {}: {}\n", each.file, each.migration, base::printable(each.text)));
    for (const std::string& line : each.details)
      io.out(fmt::format("    {}\n", base::printable(line)));
    if (!each.hint.empty()) io.out(fmt::format("  {}\n", each.hint));
  }
  for (const std::string& note : stage.notes)
    io.out(fmt::format("note: {}\n", base::printable(note)));
  for (const std::string& note : rehearsal.notes)
    io.out(fmt::format("note: {}\n", base::printable(note)));
  const std::string server = postgres::to_text(stage.server->binaries().version);
  if (!rehearsal.problems.empty()) {
    io.out(fmt::format("{} problems on PostgreSQL {}.\n", rehearsal.problems.size(), server));
  } else if (stage.todo.empty()) {
    io.out("Nothing to rehearse: every migration is applied.\n");
  } else {
    io.out(fmt::format("{} migrations go up on PostgreSQL {}; {} went down and up again, with the "
                       "same schema and rows.\n",
                       stage.todo.size(), server, rehearsal.went_down));
  }
}

base::Result<Exit> run_test(const Arguments& arguments, Io& io) {
  PGKEEP_TRY(const migrate::Folder folder, open_folder(arguments));
  base::catch_interrupts();
  PGKEEP_TRY(Stage stage, set_up(arguments, folder, io));
  auto rehearsal = migrate::rehearse(*stage.server, kDatabase,
                                     {.todo = stage.todo,
                                      .hooks = folder.hooks,
                                      .live = stage.live ? &*stage.live : nullptr,
                                      .plans = stage.plans ? &*stage.plans : nullptr,
                                      .tell = [&io](int done, int total, const std::string& what) {
                                        io.progress(done, total, what);
                                      }});
  io.end_progress();
  if (!rehearsal) return std::move(rehearsal).error();
  if (wants_json(arguments)) {
    io.out(to_json(*rehearsal, stage).dump(true) + "\n");
  } else {
    print_text(*rehearsal, stage, io);
  }
  return rehearsal->problems.empty() ? Exit::done : Exit::findings;
}

} // namespace

const Command migrate_test_command{
    .name = "migrate test",
    .summary = "Rehearse migrations on a throwaway server: up, down, up again, traced",
    .details =
        "After each way down the schema and the rows must be what they were before the way up; "
        "what is lost on purpose is declared by `-- pgkeep:loses WHAT: reason` in the file. Each "
        "statement is reported with the locks it really held on tables that were there before, "
        "what it rewrote and read, its WAL and its time; with --like also for the live sizes, and "
        "with the plan that the live server would make: its statistics come along. "
        "Exit 1 where something differs or does not run.",
    .example = "pgkeep migrate test\n"
               "pgkeep migrate test --like postgresql://readonly@db.example.org/shop --rows 100000",
    .flags = kFlags,
    .run = run_test};

} // namespace pgkeep::cli
