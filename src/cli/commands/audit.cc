// audit: a Snapshot in, a Report out.
#include "audit/audit.h"

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "catalog/reader_sql.h"
#include "catalog/snapshot_file.h"
#include "cli/command.h"
#include "cli/target.h"
#include "findings/fix_files.h"
#include "findings/render.h"

namespace pgkeep::cli {
namespace {

using findings::Format;
using findings::Report;
using findings::Severity;

constexpr Flag kFlags[] = {
    {.name = "format",
     .value = "FORMAT",
     .fallback = "text",
     .help = "How to report.",
     .choices = "text json sarif junit markdown html github"},
    {.name = "verbose",
     .help = "All evidence, every fix, and what passed or could not look.",
     .letter = 'v'},
    {.name = "fix-out",
     .value = "DIR",
     .help = "Write the fixes as migration files V<N>__<what>.sql, each with its way back."},
    {.name = "baseline",
     .value = "FILE",
     .help = "Set aside the findings that this file knows: only new ones fail."},
    {.name = "write-baseline",
     .value = "FILE",
     .help = "Write the findings of now as such a file."},
    {.name = "fail-on",
     .value = "SEVERITY",
     .fallback = "error",
     .help = "Exit 1 from this severity on.",
     .choices = "info warning error never"},
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
    {.name = "config",
     .value = "FILE",
     .help = "Configuration; else ./pgkeep.toml where there is one."},
    {.name = "list", .help = "List every rule."},
    {.name = "explain",
     .value = "RULE",
     .help = "Show one rule: why, how to fix, source, and the SQL it read."},
};

findings::RenderOptions render_options(const Arguments& arguments, const Io& io) {
  return {.colour = io.colour(), .verbose = arguments.has("verbose"), .columns = io.columns()};
}

Format format_of(const Arguments& arguments) {
  const std::string name = arguments.get("format").value_or("text");
  if (name == "json") return Format::json;
  if (name == "sarif") return Format::sarif;
  if (name == "junit") return Format::junit;
  if (name == "markdown") return Format::markdown;
  if (name == "html") return Format::html;
  return name == "github" ? Format::github : Format::text;
}

/// docs/rules.md.
std::string rules_page() {
  std::string text =
      fmt::format("# The {} rules of `pgkeep audit`\n\nWritten by `pgkeep audit --list "
                  "--format markdown`. `pgkeep audit --explain RULE` says why a rule "
                  "matters, how to fix it, and what it reads.\n",
                  audit::all_rules().size());
  const findings::Rule* previous = nullptr;
  for (const findings::Rule* const rule : audit::all_rules()) {
    if (previous == nullptr || previous->area != rule->area)
      text += fmt::format("\n## {}\n\n| rule | severity | what | other ids | source |\n"
                          "| --- | --- | --- | --- | --- |\n",
                          title_of(rule->area));
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", rule->id, name_of(rule->severity),
                        rule->title, rule->aliases, rule->source);
    previous = rule;
  }
  return text;
}

Exit list_rules(const Arguments& arguments, Io& io) {
  if (arguments.get("format") == "markdown") {
    io.out(rules_page());
    return Exit::done;
  }
  if (arguments.get("format") == "json") {
    base::Json rules{base::Json::Array{}};
    for (const findings::Rule* const rule : audit::all_rules()) {
      rules.push({{"id", rule->id},
                  {"aliases", base::Json::list(base::split_words(rule->aliases))},
                  {"area", name_of(rule->area)},
                  {"severity", name_of(rule->severity)},
                  {"title", rule->title},
                  {"source", rule->source}});
    }
    io.out(base::Json{{"pgkeep", "rules/1"}, {"rules", rules}}.dump(true) + "\n");
    return Exit::done;
  }
  std::string text;
  const findings::Rule* previous = nullptr;
  for (const findings::Rule* const rule : audit::all_rules()) {
    if (previous == nullptr || previous->area != rule->area)
      text += fmt::format("{}{}\n", previous == nullptr ? "" : "\n", title_of(rule->area));
    const std::string head = fmt::format("  {:<8} {}", name_of(rule->severity), rule->id);
    text += head.size() + rule->title.size() + 2 <= static_cast<std::size_t>(io.columns())
                ? fmt::format("{:<38}  {}\n", head, rule->title)
                      .substr(0, head.size() + rule->title.size() + 64)
                : fmt::format(
                      "{}\n           {}\n", head,
                      base::ellipsize(rule->title, static_cast<std::size_t>(io.columns()) - 11));
    previous = rule;
  }
  io.out(text);
  return Exit::done;
}

base::Result<Exit> explain(const std::string& id, const Arguments& arguments, Io& io) {
  const findings::Rule* const rule = findings::find_rule(audit::all_rules(), id);
  if (rule == nullptr) {
    std::vector<std::string_view> ids;
    for (const findings::Rule* const one : audit::all_rules())
      ids.push_back(one->id);
    const auto near = base::nearest(id, ids);
    return base::Error{.code = base::Code::usage,
                       .what = fmt::format("unknown rule \"{}\"", base::printable(id)),
                       .expected = near ? fmt::format("\"{}\"?", *near) : "",
                       .hint = "`pgkeep audit --list` shows every rule."};
  }
  io.out(findings::explain_rule(*rule, catalog::reader_sql(rule->needs),
                                render_options(arguments, io)));
  return Exit::done;
}

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

std::vector<findings::Ignore> ignores_of(const base::Config& config) {
  std::vector<findings::Ignore> ignores;
  for (const base::ConfigTable& table : config.tables()) {
    if (table.section != "audit.ignore") continue;
    ignores.push_back({.rule = table.get("rule").value_or(""),
                       .object = table.get("object").value_or("*"),
                       .reason = table.get("reason").value_or(""),
                       .where = table.where});
  }
  return ignores;
}

base::Result<> set_aside(Report& report, const base::Config& config, const Arguments& arguments) {
  const std::vector<findings::Ignore> ignores = ignores_of(config);
  findings::apply_ignores(report, ignores);
  const auto file = arguments.get("baseline");
  if (!file) return {};
  PGKEEP_TRY(const std::string text, base::read_file(*file));
  return findings::apply_baseline(report, text, *file);
}

Exit verdict(const Report& report, const Arguments& arguments) {
  const std::string threshold = arguments.get("fail-on").value_or("error");
  for (const findings::Finding& finding : report.findings) {
    const Severity severity = finding.severity.value_or(Severity::info);
    if (threshold != "never" && name_of(severity) == threshold) return Exit::findings;
    if (threshold == "warning" && severity == Severity::error) return Exit::findings;
    if (threshold == "info") return Exit::findings;
  }
  return Exit::done;
}

base::Result<> write_outputs(const Report& report, const Arguments& arguments, Io& io) {
  if (const auto file = arguments.get("write-baseline")) {
    PGKEEP_CHECK(base::write_file_durably(*file, findings::write_baseline(report)));
    io.err(fmt::format("baseline of {} findings: {}\n", report.findings.size(), *file));
  }
  if (const auto directory = arguments.get("fix-out")) {
    PGKEEP_TRY(const std::vector<std::string> names, findings::write_fix_files(report, *directory));
    io.err(fmt::format("{} files written to {}; read them, then run each with psql in order\n",
                       names.size(), *directory));
  }
  return {};
}

base::Result<Exit> run_audit(const Arguments& arguments, Io& io) {
  if (arguments.has("list")) return list_rules(arguments, io);
  if (const auto id = arguments.get("explain")) return explain(*id, arguments, io);
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
  PGKEEP_CHECK(write_outputs(report, arguments, io));
  io.out(findings::render(report, format_of(arguments), render_options(arguments, io)));
  return verdict(report, arguments);
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
