#include "cli/judging.h"

#include <charconv>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "catalog/reader_sql.h"
#include "findings/render.h"
#include "postgres/types.h"

namespace pgkeep::cli {
namespace {

using findings::Format;
using findings::Report;
using findings::Severity;

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
std::string rules_page(Rules rules, std::string_view command) {
  std::string text = fmt::format(
      "# The {} rules of `{}`\n\nWritten by `{} --list --format markdown`. `{} --explain "
      "RULE` says why a rule matters, how to fix it, and what it reads.\n",
      rules.size(), command, command, command);
  const findings::Rule* previous = nullptr;
  for (const findings::Rule* const rule : rules) {
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

Exit verdict(const Report& report, const Arguments& arguments) {
  const std::string threshold = arguments.get("fail-on").value_or("error");
  const findings::Summary counts = findings::summarize(report);
  const bool is_info = threshold == "info";
  const bool is_warning = is_info || threshold == "warning";
  const bool is_error = is_warning || threshold == "error";
  const bool fails = (is_error && counts.error > 0) || (is_warning && counts.warning > 0) ||
                     (is_info && counts.info > 0);
  return fails ? Exit::findings : Exit::done;
}

} // namespace

base::Result<int> major_of(const std::string& text) {
  int major = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), major);
  if (error == std::errc{} && stop == text.data() + text.size() &&
      major >= postgres::kOldestMajor && major <= postgres::kNewestMajor)
    return major;
  return base::Error{
      .code = base::Code::usage,
      .what = fmt::format("--pg-version \"{}\" is none that pgkeep knows", base::printable(text)),
      .expected = fmt::format("{} to {}", postgres::kOldestMajor, postgres::kNewestMajor)};
}

Exit list_rules(Rules all, std::string_view command, const Arguments& arguments, Io& io) {
  if (arguments.get("format") == "markdown") {
    io.out(rules_page(all, command));
    return Exit::done;
  }
  if (arguments.get("format") == "json") {
    base::Json rules{base::Json::Array{}};
    for (const findings::Rule* const rule : all) {
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
  for (const findings::Rule* const rule : all) {
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

base::Result<Exit> explain_one(Rules rules, const std::string& id, std::string_view command,
                               const Arguments& arguments, Io& io) {
  const findings::Rule* const rule = findings::find_rule(rules, id);
  if (rule == nullptr) {
    std::vector<std::string_view> ids;
    for (const findings::Rule* const one : rules)
      ids.push_back(one->id);
    const auto near = base::nearest(id, ids);
    return base::Error{.code = base::Code::usage,
                       .what = fmt::format("unknown rule \"{}\"", base::printable(id)),
                       .expected = near ? fmt::format("\"{}\"?", *near) : "",
                       .hint = fmt::format("`{} --list` shows every rule.", command)};
  }
  io.out(findings::explain_rule(*rule, catalog::reader_sql(rule->needs),
                                render_options(arguments, io)));
  return Exit::done;
}

bool is_json_all(const base::Config& config, const Arguments& arguments) {
  return format_of(arguments) == Format::json && ignores_of(config).empty() &&
         !arguments.has("baseline") && !arguments.has("write-baseline");
}

base::Result<> set_aside(Report& report, const base::Config& config, const Arguments& arguments) {
  const std::vector<findings::Ignore> ignores = ignores_of(config);
  findings::apply_ignores(report, ignores);
  const auto file = arguments.get("baseline");
  if (!file) return {};
  PGKEEP_TRY(const std::string text, base::read_file(*file));
  return findings::apply_baseline(report, text, *file);
}

base::Result<Exit> finish(const Report& report, const Arguments& arguments, Io& io) {
  if (const auto file = arguments.get("write-baseline")) {
    PGKEEP_CHECK(base::write_file_durably(*file, findings::write_baseline(report)));
    io.err(fmt::format("baseline of {} findings: {}\n", report.findings.size(), *file));
  }
  findings::render_to(report, format_of(arguments), render_options(arguments, io),
                      [&](std::string_view piece) { io.out(piece); });
  return verdict(report, arguments);
}

} // namespace pgkeep::cli
