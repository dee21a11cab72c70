// migrate baseline: take what the database has as applied.
#include <fmt/format.h>

#include "base/text.h"
#include "cli/command.h"
#include "cli/judging.h"
#include "cli/migrating.h"
#include "migrate/baseline.h"

namespace pgkeep::cli {
namespace {

constexpr Flag kFlags[] = {
    kDirFlag,
    kSetFlag,
    {.name = "version",
     .value = "VERSION",
     .help = "Every file up to this version is in the database, 0 for none; no other tool's "
             "history is read."},
    {.name = "from",
     .value = "TOOL",
     .fallback = "auto",
     .help = "Whose history table to read; auto finds the one that is there.",
     .choices = "auto none flyway liquibase rails django alembic prisma knex dbmate golang-migrate "
                "sqitch node-pg-migrate graphile atlas goose"},
    {.name = "dry-run", .help = "Show what would be recorded; record nothing."},
    kMigrateFormatFlag,
    kConfigFlag};

base::Result<std::optional<migrate::Version>> version_of(const Arguments& arguments) {
  const auto text = arguments.get("version");
  if (!text) return std::optional<migrate::Version>();
  auto version = migrate::Version::parse(text->starts_with('V') ? text->substr(1) : *text);
  if (!version)
    return base::Error{.code = base::Code::usage,
                       .what =
                           fmt::format("--version \"{}\" is no version", base::printable(*text)),
                       .expected = "digits, such as 012"};
  return version;
}

base::Json to_json(const migrate::BaselineResult& result, bool is_dry_run) {
  return base::Json{{"pgkeep", "migrate-baseline/1"},
                    {"tool", result.tool},
                    {"table", result.table},
                    {"dry_run", is_dry_run},
                    {"recorded", base::Json::list(result.recorded)},
                    {"known", base::Json::list(result.known)},
                    {"without_file", base::Json::list(result.without_file)},
                    {"pending", base::Json::list(result.pending)}};
}

void print_list(std::string_view state, const std::vector<std::string>& labels, Io& io) {
  for (const std::string& label : labels)
    io.out(fmt::format("{:<10} {}\n", state, label));
}

void print(const migrate::BaselineResult& result, bool is_dry_run, Io& io) {
  if (!result.tool.empty())
    io.out(fmt::format("{}'s history is {}; it stays as it is.\n", result.tool, result.table));
  print_list("known", result.known, io);
  print_list("baseline", result.recorded, io);
  print_list("no file", result.without_file, io);
  print_list("pending", result.pending, io);
  if (!result.problems.empty()) return;
  io.out(fmt::format("{} {} as baseline; {} pending{}\n", result.recorded.size(),
                     is_dry_run ? "would be recorded" : "recorded", result.pending.size(),
                     result.without_file.empty() ? "."
                                                 : fmt::format("; {} applied without a file here.",
                                                               result.without_file.size())));
}

base::Result<Exit> run_baseline(const Arguments& arguments, Io& io) {
  PGKEEP_TRY(const migrate::Folder folder, open_folder(arguments));
  migrate::BaselineOptions options{.target = target_of(arguments),
                                   .tool = tool_name(),
                                   .from = *arguments.get("from"),
                                   .is_dry_run = arguments.has("dry-run")};
  PGKEEP_TRY(options.version, version_of(arguments));
  PGKEEP_TRY(const migrate::BaselineResult result, migrate::take_baseline(folder, options));
  if (wants_json(arguments)) {
    io.out(to_json(result, options.is_dry_run).dump() + "\n");
  } else {
    print(result, options.is_dry_run, io);
  }
  print_problems(result.problems, arguments, io);
  if (result.problems.empty()) return Exit::done;
  io.err("Nothing was recorded.\n");
  return Exit::findings;
}

} // namespace

const Command migrate_baseline_command{
    .name = "migrate baseline",
    .summary = "Take what the database has as applied, also from another tool's history",
    .details =
        "Reads the history table of Flyway, Liquibase, Rails, Django, Alembic, Prisma, Knex, "
        "dbmate, golang-migrate, Sqitch, node-pg-migrate, Graphile Migrate, Atlas or goose, and "
        "records the files that belong to its rows as `baseline`; nothing is run, and the table "
        "is not changed. Where there is none, --version says how far the files are applied.",
    .words = "[TARGET]",
    .words_help = "TARGET is a libpq URI or connection string; left out, the PG* variables apply.",
    .words_max = 1,
    .example = "pgkeep migrate baseline --dry-run postgresql://migrator@db.example.org/shop\n"
               "pgkeep migrate baseline --version 042 postgresql://migrator@db.example.org/shop",
    .flags = kFlags,
    .run = run_baseline};

} // namespace pgkeep::cli
