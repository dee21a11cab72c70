// Markdown for a pull request comment or $GITHUB_STEP_SUMMARY: the summary and one table first,
// everything else folded.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "findings/lookup.h"
#include "findings/render/renderers.h"

namespace pgkeep::findings {
namespace {

constexpr std::size_t kBytesMax = 60'000;   // A comment on GitHub holds 65,536 characters.
constexpr std::size_t kFindingsShort = 10;  // Per rule; verbose shows all that fit.
constexpr std::size_t kSqlBytesMax = 8'000; // Per rule.

/// Text that cannot become markup, a link, a mention or a reference, also not inside a table cell.
std::string md(std::string_view text) {
  std::string out;
  for (const char c : base::printable(text)) {
    if (c == '@' || c == '#') {
      out += fmt::format("{}<!-- -->", c); // Mentions and references are looked for after entities
                                           // are read; a comment parts them.
    } else if (std::string_view("\\`*_{}[]<>&|~!$^").find(c) != std::string_view::npos) {
      out += fmt::format("&#{};", static_cast<int>(c));
    } else {
      out.push_back(c);
    }
  }
  return base::replace_all(base::replace_all(std::move(out), "://", "&#58;//"), "www.", "www&#46;");
}

std::string md_code(std::string_view text) {
  return fmt::format("<code>{}</code>", md(text));
}

/// A fence longer than any run of backquotes inside.
std::string fenced(std::string_view sql) {
  std::size_t longest = 0;
  std::size_t run = 0;
  for (const char c : sql) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  const std::string fence(std::max<std::size_t>(3, longest + 1), '`');
  return fmt::format("{}sql\n{}\n{}\n", fence, sql, fence);
}

std::string_view mark_of(Severity severity) {
  if (severity == Severity::error) return "🔴 error";
  return severity == Severity::warning ? "🟠 warning" : "🔵 info";
}

std::string_view mark_of(Answer answer) {
  if (answer == Answer::passed) return "✅";
  return answer == Answer::failed ? "❌" : "❔";
}

std::string head(const Report& report) {
  const Summary summary = summarize(report);
  std::string text = fmt::format("## {}\n\n", md(report.title.empty() ? "pgkeep" : report.title));
  text += fmt::format("**{}, {}, {} info** · {} passed · {} could not look",
                      plural(summary.error, "error", "errors"),
                      plural(summary.warning, "warning", "warnings"), summary.info, summary.passed,
                      summary.skipped);
  if (const int score = overall_score(report); score >= 0)
    text += fmt::format(" · score {} of 100", score);
  text += "\n\n";
  for (const std::string& note : report.notes)
    text += fmt::format("> {}\n", md(note));
  if (!report.notes.empty()) text += "\n";
  return text;
}

std::string checklist(const Checklist& list) {
  const auto passed = std::ranges::count(list.items, Answer::passed, &ChecklistItem::answer);
  std::string text = fmt::format("<details><summary><b>{}</b>: {} of {} passed</summary>\n\n| | | "
                                 "Item | Evidence |\n|---|---|---|---|\n",
                                 md(list.title), passed, list.items.size());
  for (const ChecklistItem& item : list.items) {
    std::string evidence = md(item.evidence);
    if (item.answer != Answer::passed && !item.command.empty())
      evidence += " → " + md_code(item.command);
    text += fmt::format("| {} | {} | {} | {} |\n", mark_of(item.answer), item.number, md(item.text),
                        evidence);
  }
  return text + "\n</details>\n\n";
}

std::string overview(const std::vector<AreaGroup>& areas) {
  std::string text = "| | Finding | Found | Fix |\n|---|---|---|---|\n";
  for (const Severity severity : {Severity::error, Severity::warning, Severity::info}) {
    for (const AreaGroup& area : areas) {
      for (const RuleGroup& group : area.rules) {
        if (group.worst != severity) continue;
        const auto fix = std::ranges::find_if(
            group.findings, [](const Finding* finding) { return finding->fix.has_value(); });
        const std::string_view safety =
            fix == group.findings.end() ? "manual" : name_of(fix_of(**fix).safety);
        text += fmt::format("| {} | {}<br><sub>{}</sub> | {} | {} |\n", mark_of(group.worst),
                            md(group.title()), md(group.id), group.findings.size(), safety);
      }
    }
  }
  return text + "\n";
}

std::string sql_of(const RuleGroup& group, std::size_t findings_max) {
  std::string sql;
  std::size_t shown = 0;
  for (const Finding* finding : group.findings) {
    if (!finding->fix || finding->fix->sql.empty()) continue;
    for (const std::string& statement : finding->fix->sql)
      sql += statement + ";\n";
    if (++shown == findings_max || sql.size() > kSqlBytesMax) break;
  }
  if (sql.empty()) return sql;
  sql.pop_back();
  return fenced(sql) + "\n";
}

std::string section(const RuleGroup& group, bool verbose) {
  const std::size_t findings_max = verbose ? group.findings.size() : kFindingsShort;
  std::string text = fmt::format("<details><summary>{} <b>{}</b> ({})</summary>\n\n",
                                 mark_of(group.worst), md(group.title()), group.findings.size());
  if (group.rule != nullptr)
    text += fmt::format("{} {}\n\n", md(group.rule->why), md(group.rule->how));
  for (std::size_t i = 0; i < std::min(group.findings.size(), findings_max); ++i) {
    const Finding& finding = *group.findings[i];
    text += fmt::format("- {}: {}\n", md_code(finding.object.empty() ? "server" : finding.object),
                        md(finding.message));
    if (finding.fix && !finding.fix->note.empty())
      text += fmt::format("  <br>{}\n", md(finding.fix->note));
  }
  if (group.findings.size() > findings_max)
    text += fmt::format("- and {} more\n", group.findings.size() - findings_max);
  return text + "\n" + sql_of(group, findings_max) + "</details>\n\n";
}

} // namespace

std::string render_markdown(const Report& report, const RenderOptions& options) {
  constexpr std::string_view cut =
      "_The report is cut here: a comment holds no more. `--format html` has everything._\n";
  std::vector<std::string> parts{head(report)};
  for (const Checklist& list : report.checklists)
    parts.push_back(checklist(list));
  const std::vector<AreaGroup> areas = group_findings(report);
  if (!areas.empty()) parts.push_back(overview(areas));
  for (const AreaGroup& area : areas) {
    for (const RuleGroup& group : area.rules)
      parts.push_back(section(group, options.verbose));
  }
  if (!report.skipped.empty()) {
    std::string text =
        fmt::format("<details><summary>{} could not look</summary>\n\n",
                    plural(static_cast<std::int64_t>(report.skipped.size()), "check", "checks"));
    for (const Skipped& skipped : report.skipped)
      text += fmt::format("- {}: {}\n", md_code(skipped.rule), md(skipped.reason));
    parts.push_back(text + "\n</details>\n");
  }
  std::string out;
  for (const std::string& part : parts) {
    if (out.size() + part.size() + cut.size() > kBytesMax) return out + std::string(cut);
    out += part;
  }
  return out;
}

} // namespace pgkeep::findings
