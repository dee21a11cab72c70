// audit: a Snapshot in, a Report out.
#include "audit/audit.h"

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "catalog/snapshot_file.h"
#include "cli/command.h"
#include "cli/judging.h"
#include "cli/target.h"
#include "findings/fix_files.h"

namespace pgkeep::cli {
namespace {

using findings::Report;

constexpr Flag kFlags[] = {
    kFormatFlag,
    kVerboseFlag,
    {.name = "fix-out",
     .value = "DIR",
     .help = "Write the fixes as migration files V<N>__<what>.sql, each with its way back."},
    kBaselineFlag,
    kWriteBaselineFlag,
    kFailOnFlag,
    {.name = "only",
     .value = "RULES",
     .help = "Only these rules or areas, separated by commas.",
     .may_repeat = true},
    {.name = "skip",
     .value = "RULES",
     .help = "Leave these rules or areas out.",
     .may_repeat = true},
    {.name = "snapshot",
     .value = "FILE",
     .help = "Judge a file of `pgkeep snapshot save` instead of a database."},
    {.name = "all-databases",
     .help = "Also judge what is inside the other databases of the server."},
    {.name = "since",
     .value = "DURATION",
     .help =
         "Trust rates and \"unused\" from counters of this age on (audit.limits.counters-age)."},
    {.name = "replica",
     .value = "TARGET",
     .help = "A replica whose index use counts too; name each.",
     .may_repeat = true},
    {.name = "no-replicas", .help = "There is no replica: an index unused here is unused."},
    {.name = "code",
     .value = "DIR",
     .help = "Also read this folder of source code: migrations, secrets."},
    {.name = "ram",
     .value = "BYTES",
     .help = "Memory of the server's machine, such as 16GB, where that is not this one."},
    kConfigFlag,
    {.name = "list", .help = "List every rule."},
    {.name = "explain",
     .value = "RULE",
     .help = "Show one rule: why, how to fix, source, and the SQL it read."},
};

base::Result<SnapshotRequest> request_of(const Arguments& arguments) {
  SnapshotRequest request{.target = arguments.words().empty() ? "" : arguments.words().front(),
                          .command = "audit",
                          .replicas = arguments.list("replica"),
                          .confirmed_no_replica = arguments.has("no-replicas"),
                          .code = arguments.get("code")};
  if (const auto ram = arguments.get("ram")) {
    PGKEEP_TRY(const base::Bytes bytes, base::parse_bytes(*ram));
    request.ram_bytes = bytes.count;
  }
  return request;
}

base::Result<Report> judge_target(const Arguments& arguments, const audit::Options& options,
                                  Io& io) {
  if (const auto file = arguments.get("snapshot")) {
    PGKEEP_TRY(const std::string text, base::read_file(*file));
    PGKEEP_TRY(const catalog::Snapshot snapshot, catalog::parse_snapshot(text, *file));
    return audit::judge(snapshot, options);
  }
  PGKEEP_TRY(const SnapshotRequest request, request_of(arguments));
  PGKEEP_TRY(const catalog::Snapshot snapshot, take_snapshot(request, io));
  PGKEEP_TRY(Report report, audit::judge(snapshot, options));
  if (!arguments.has("all-databases")) return report;
  const auto add = [&](const catalog::Snapshot& other) {
    return audit::add_database(report, snapshot, other, options);
  };
  PGKEEP_TRY(std::vector<std::string> closed, read_other_databases(request, snapshot, io, add));
  std::ranges::move(closed, std::back_inserter(report.notes));
  return report;
}

base::Result<> check_flags(const Arguments& arguments) {
  if (!arguments.has("all-databases")) return {};
  for (const std::string_view other : {"snapshot", "fix-out"}) {
    if (!arguments.has(other)) continue;
    return base::Error{.code = base::Code::usage,
                       .what = fmt::format("--all-databases and --{} do not go together", other),
                       .expected = "one of them",
                       .hint = other == "snapshot"
                                   ? "A snapshot file holds one database."
                                   : "Fixes are written for one database: run it for each."};
  }
  return {};
}

base::Result<Exit> run_audit(const Arguments& arguments, Io& io) {
  if (arguments.has("list")) return list_rules(audit::all_rules(), "pgkeep audit", arguments, io);
  if (const auto id = arguments.get("explain"))
    return explain_one(audit::all_rules(), *id, "pgkeep audit", arguments, io);
  PGKEEP_TRY(const base::Config config, load_config(arguments));
  audit::Options options{.limits = findings::limits_from(config),
                         .only = arguments.list("only"),
                         .skip = arguments.list("skip")};
  if (const auto since = arguments.get("since")) {
    PGKEEP_TRY(options.limits.counters_age, base::parse_duration(*since));
  }
  PGKEEP_CHECK(audit::check_selection(options)); // Before anything is connected to.
  PGKEEP_CHECK(check_flags(arguments));
  PGKEEP_TRY(Report report, judge_target(arguments, options, io));
  PGKEEP_CHECK(set_aside(report, config, arguments));
  if (const auto directory = arguments.get("fix-out")) {
    PGKEEP_TRY(const std::vector<std::string> names, findings::write_fix_files(report, *directory));
    io.err(fmt::format("{} files written to {}; read them, then run each with psql in order\n",
                       names.size(), *directory));
  }
  return finish(report, arguments, io);
}

} // namespace

const Command audit_command{
    .name = "audit",
    .summary = "Check a database against the going-live checklists, with evidence and fixes",
    .details = "Reads one consistent picture of the database in a read-only transaction and judges "
               "it by every rule. Nothing is changed. A "
               "rule that could not look says why; it never counts as passed.",
    .words = "[TARGET]",
    .words_help = "TARGET is a libpq URI or connection string; left out, the PG* variables, the "
                  "passfile and the service file apply.",
    .words_max = 1,
    .example = "pgkeep audit postgresql://readonly@db.example.org/shop\npgkeep audit --format html "
               "> report.html\n"
               "pgkeep audit --fix-out migrations --baseline audit-baseline.json",
    .flags = kFlags,
    .run = run_audit};

} // namespace pgkeep::cli
