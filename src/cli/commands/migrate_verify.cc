// migrate verify: is the database what its migrations say?
#include <fmt/format.h>

#include "base/interrupt.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/judging.h"
#include "cli/migrating.h"
#include "migrate/verify.h"

namespace pgkeep::cli {
namespace {

constexpr Flag kFlags[] = {
    kDirFlag,
    kSetFlag,
    {.name = "no-drift", .help = "Do not compare the schema: checksums, order and history only."},
    {.name = "with",
     .value = "LIST",
     .help = "What counts as drift besides, separated by commas: grants, owners, settings.",
     .may_repeat = true},
    {.name = "without-comments", .help = "Comments on objects are no drift."},
    {.name = "no-checks", .help = "Leave out the files that ask (.verify.sql)."},
    {.name = "out-of-order", .help = "Versions below the newest applied one are no problem."},
    {.name = "pg-bin",
     .value = "DIR",
     .help = "Folder of initdb and postgres of the target's major version; else pg_config's and "
             "/usr/lib/postgresql."},
    {.name = "format",
     .value = "FORMAT",
     .fallback = "text",
     .help = "How to report.",
     .choices = "text json"},
    kConfigFlag};

base::Result<migrate::VerifyOptions> options_of(const Arguments& arguments, Io& io) {
  migrate::VerifyOptions options{.looks_for_drift = !arguments.has("no-drift"),
                                 .allows_gaps = arguments.has("out-of-order")};
  if (!arguments.has("no-checks")) options.target = target_of(arguments);
  options.differences.ignore_comments = arguments.has("without-comments");
  for (const std::string& word : arguments.list("with")) {
    if (word == "grants") {
      options.differences.ignore_grants = false;
    } else if (word == "owners") {
      options.differences.ignore_owners = false;
    } else if (word == "settings") {
      options.differences.ignore_settings = false;
    } else {
      return base::Error{.code = base::Code::usage,
                         .what = fmt::format("--with cannot be \"{}\"", base::printable(word)),
                         .expected = "grants, owners, settings"};
    }
  }
  if (const auto bin = arguments.get("pg-bin")) options.pg_bin = *bin;
  options.tell = [&io](int done, int total, const std::string& what) {
    io.progress(done, total, what);
  };
  return options;
}

base::Json to_json(const migrate::Verified& verified) {
  base::Json problems{base::Json::Array{}};
  for (const migrate::Problem& each : verified.problems)
    problems.push(base::Json{{"kind", each.kind},
                             {"migration", each.migration},
                             {"file", each.file},
                             {"text", each.text},
                             {"diff", each.diff},
                             {"hint", each.hint}});
  base::Json drift{base::Json::Array{}};
  for (const catalog::Difference& each : verified.drift)
    drift.push(base::Json{{"change", catalog::name_of(each.change)},
                          {"kind", each.kind},
                          {"object", each.object},
                          {"property", each.property},
                          {"migrations", each.before},
                          {"database", each.after},
                          {"text", migrate::drift_line(each)}});
  return base::Json{{"pgkeep", "migrate-verify/1"},
                    {"applied", verified.applied},
                    {"checks", verified.checks},
                    {"problems", std::move(problems)},
                    {"compared", verified.has_compared},
                    {"drift", std::move(drift)},
                    {"unknown", base::Json::list(verified.unknown)},
                    {"notes", base::Json::list(verified.notes)}};
}

void print_text(const migrate::Verified& verified, const Arguments& arguments, Io& io) {
  print_problems(verified.problems, arguments, io);
  for (const catalog::Difference& each : verified.drift)
    io.out(fmt::format("drift: {}\n", migrate::drift_line(each)));
  for (const std::string& each : verified.unknown)
    io.out(fmt::format("not compared: {}\n", base::printable(each)));
  for (const std::string& each : verified.notes)
    io.out(fmt::format("note: {}\n", base::printable(each)));
  if (!verified.is_clean()) {
    io.out(fmt::format("{} problems, {} differences.\n", verified.problems.size(),
                       verified.drift.size()));
    return;
  }
  std::string asked;
  if (verified.checks > 0)
    asked = verified.checks == 1 ? ", 1 check says yes"
                                 : fmt::format(", {} checks say yes", verified.checks);
  io.out(fmt::format("{} migrations are applied as their files say{}{}.\n", verified.applied, asked,
                     verified.has_compared ? ", and the schema is what they make"
                                           : "; the schema was not compared"));
}

base::Result<Exit> run_verify(const Arguments& arguments, Io& io) {
  PGKEEP_TRY(const migrate::Folder folder, open_folder(arguments));
  PGKEEP_TRY(const migrate::VerifyOptions options, options_of(arguments, io));
  PGKEEP_TRY(postgres::Connection server,
             postgres::Connection::open(target_of(arguments),
                                        {.application_name = "pgkeep/migrate-verify"}));
  base::catch_interrupts();
  auto verified = migrate::verify(folder, server, options);
  io.end_progress();
  if (!verified) return std::move(verified).error();
  if (wants_json(arguments)) {
    io.out(to_json(*verified).dump(true) + "\n");
  } else {
    print_text(*verified, arguments, io);
  }
  return verified->is_clean() ? Exit::done : Exit::findings;
}

} // namespace

const Command migrate_verify_command{
    .name = "migrate verify",
    .summary = "Check that the database is what its migrations say: files, history, schema",
    .details =
        "Checksums and order of what is applied, migrations that did not reach their end, and "
        "drift: the live schema beside the one that the applied files make on a throwaway server "
        "of the same major version. The database is only read; files that ask (V001__x.verify.sql) "
        "run in a transaction that is rolled back. Exit 1 where something differs.",
    .words = "[TARGET]",
    .words_help = "TARGET is a libpq URI or connection string; left out, the PG* variables apply.",
    .words_max = 1,
    .example = "pgkeep migrate verify postgresql://readonly@db.example.org/shop\n"
               "pgkeep migrate verify --no-drift postgresql://readonly@db.example.org/shop",
    .flags = kFlags,
    .run = run_verify};

} // namespace pgkeep::cli
