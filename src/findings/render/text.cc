// The report for a terminal. Short by default: what is wrong, how many, the worst example with its
// figures, and the fix in one line.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "base/units.h"
#include "findings/lookup.h"
#include "findings/render/renderers.h"
#include "findings/render/terminal_text.h"

namespace pgkeep::findings {
namespace {

constexpr std::size_t kRuleIndent = 2;
constexpr std::size_t kDetailIndent = 11; // Under the title, which stands behind "  warning  ".
constexpr std::size_t kNestedIndent = 13;
constexpr std::size_t kReasonsShown = 5;
constexpr std::size_t kRowsShown = 20; // Rows of one list of evidence; JSON has them all.

std::string object_of(const Finding& finding) {
  if (!finding.file.empty()) {
    const std::string place = finding.line > 0 ? fmt::format("{}:{}:{}", finding.file, finding.line,
                                                             std::max(finding.column, 1))
                                               : finding.file;
    return finding.object.empty() ? place : fmt::format("{} {}", place, finding.object);
  }
  return finding.object.empty() ? "server" : finding.object;
}

std::string counts_text(const Summary& counts) {
  std::vector<std::string> parts;
  if (counts.error > 0) parts.push_back(plural(counts.error, "error", "errors"));
  if (counts.warning > 0) parts.push_back(plural(counts.warning, "warning", "warnings"));
  if (counts.info > 0) parts.push_back(plural(counts.info, "info", "info"));
  return parts.empty() ? "nothing found" : base::join(parts, ", ");
}

void write_head(const Report& report, TerminalText& out) {
  out.paragraph(0, report.title.empty() ? "pgkeep" : report.title, Style::bold);
  for (const std::string& note : report.notes)
    out.labelled(2, "note:", Style::dim, note);
}

std::string checklist_counts(const Checklist& list) {
  int passed = 0;
  int failed = 0;
  int blind = 0;
  for (const ChecklistItem& item : list.items) {
    if (item.answer == Answer::passed) ++passed;
    if (item.answer == Answer::failed) ++failed;
    if (item.answer == Answer::could_not_look) ++blind;
  }
  std::vector<std::string> parts;
  if (passed > 0) parts.push_back(fmt::format("✓ {} passed", passed));
  if (failed > 0) parts.push_back(fmt::format("✗ {} failed", failed));
  if (blind > 0) parts.push_back(fmt::format("? {} could not look", blind));
  return base::join(parts, "  ");
}

void write_item(const ChecklistItem& item, bool verbose, TerminalText& out) {
  std::string_view mark = "?";
  Style style = Style::dim;
  if (item.answer == Answer::passed) {
    mark = "✓";
    style = Style::good;
  } else if (item.answer == Answer::failed) {
    mark = "✗";
    style = Style::error;
  }
  const std::string label = fmt::format("{} {:>2}", mark, item.number);
  std::string text = item.text;
  if (!item.evidence.empty()) text += ": " + item.evidence;
  if (!verbose)
    text = base::ellipsize(base::printable(text),
                           out.columns() - kRuleIndent - base::columns_of(label) - 1);
  out.labelled(kRuleIndent, label, style, text);
  if (item.answer != Answer::passed && !item.command.empty())
    out.labelled(7, "→", Style::dim, item.command);
  if (verbose && !item.rules.empty())
    out.labelled(7, "rules:", Style::dim, base::join(item.rules, ", "), Style::dim);
}

void write_checklists(const Report& report, bool verbose, TerminalText& out) {
  for (const Checklist& list : report.checklists) {
    out.blank();
    out.line_with_right(0, list.title, Style::bold, checklist_counts(list), Style::dim);
    for (const ChecklistItem& item : list.items)
      write_item(item, verbose, out);
  }
}

/// "also a, b, c and 11 more": as many as fit in one line.
void write_others(const RuleGroup& group, TerminalText& out) {
  if (group.findings.size() < 2) return;
  const std::size_t room = out.columns() - kDetailIndent;
  std::string text = "also ";
  std::size_t shown = 1;
  for (; shown < group.findings.size(); ++shown) {
    const std::string name =
        base::ellipsize(base::printable(object_of(*group.findings[shown])), room / 2);
    const std::string next = fmt::format("{}{}{}", text, shown == 1 ? "" : ", ", name);
    const std::size_t left = group.findings.size() - shown - 1;
    const std::string tail =
        left == 0 ? ""
                  : fmt::format(" and {} more", base::human_count(static_cast<std::int64_t>(left)));
    if (shown > 1 && base::columns_of(next) + base::columns_of(tail) > room) break;
    text = next;
  }
  const std::size_t left = group.findings.size() - shown;
  if (left > 0)
    text += fmt::format(" and {} more", base::human_count(static_cast<std::int64_t>(left)));
  out.line(kDetailIndent, text);
}

/// The rule's id stands at the right edge where there is room, else in a line of its own.
void write_title(const RuleGroup& group, TerminalText& out) {
  const std::string count =
      group.findings.size() < 2
          ? std::string()
          : fmt::format(" ({})",
                        base::human_count(static_cast<std::int64_t>(group.findings.size())));
  const std::string label = fmt::format("{:<8}", name_of(group.worst));
  const std::string title = std::string(group.title()) + count;
  const std::size_t room = out.columns() - kDetailIndent - base::columns_of(title);
  if (base::columns_of(title) < out.columns() - kDetailIndent &&
      base::columns_of(group.id) + 2 <= room) {
    out.labelled_with_right(kRuleIndent, label, style_of(group.worst), title, Style::bold,
                            group.id);
    return;
  }
  out.labelled(kRuleIndent, label, style_of(group.worst), title, Style::bold);
  out.line_with_right(kDetailIndent, "", Style::plain, group.id, Style::dim);
}

/// Two lines at most: the whole sentence is in -v.
void write_example(const RuleGroup& group, TerminalText& out) {
  constexpr std::size_t lines_max = 2;
  const Finding& worst = *group.findings.front();
  const std::size_t room = out.columns() - kDetailIndent;
  const std::string object = base::ellipsize(base::printable(object_of(worst)), room - 1);
  std::vector<std::string> lines =
      fill_lines(base::printable(fmt::format("{}: {}", object, worst.message)), room);
  if (lines.size() > lines_max) {
    lines.resize(lines_max);
    lines.back() = base::ellipsize(lines.back(), room - 1) + "…";
  }
  for (const std::string& line : lines)
    out.line(kDetailIndent, line);
}

void write_rule_short(const RuleGroup& group, TerminalText& out) {
  write_title(group, out);
  write_example(group, out);
  write_others(group, out);
  out.line(kDetailIndent, fix_in_short(group));
}

void write_evidence(const base::Json& evidence, TerminalText& out) {
  if (evidence.as_object() == nullptr) return;
  for (const auto& [name, value] : *evidence.as_object()) {
    const base::Json::Array* const rows = value.as_array();
    const bool is_table = rows != nullptr && !rows->empty() && rows->front().as_object() != nullptr;
    const std::string label = evidence_label(base::printable(name)) + ":";
    if (!is_table) {
      out.labelled(kNestedIndent, base::ellipsize(label, out.columns() / 2), Style::dim,
                   evidence_text(name, value));
      continue;
    }
    out.line(kNestedIndent, label, Style::dim);
    for (std::size_t i = 0; i < std::min(rows->size(), kRowsShown); ++i) {
      out.labelled(kNestedIndent, "-", Style::dim, evidence_text(name, (*rows)[i]));
    }
    if (rows->size() > kRowsShown) {
      out.line(kNestedIndent,
               fmt::format("- and {} more (--format json has all)", rows->size() - kRowsShown),
               Style::dim);
    }
  }
}

void write_fix(const Fix& fix, TerminalText& out) {
  const std::string label =
      fix.safety == Safety::manual ? "by hand:" : fmt::format("fix ({}):", name_of(fix.safety));
  out.labelled(kNestedIndent, label, Style::good, fix.note);
  for (const std::string& statement : fix.sql)
    out.verbatim(kNestedIndent, statement + ";");
  if (!fix.undo.empty()) {
    out.line(kNestedIndent, "undo:", Style::dim);
    for (const std::string& statement : fix.undo)
      out.verbatim(kNestedIndent, statement + ";");
  }
}

void write_rule_long(const RuleGroup& group, TerminalText& out) {
  write_title(group, out);
  if (group.rule != nullptr) {
    out.labelled(kDetailIndent, "why:", Style::dim, group.rule->why);
    out.labelled(kDetailIndent, "how:", Style::dim, group.rule->how);
    out.labelled(kDetailIndent, "source:", Style::dim, group.rule->source);
  }
  for (const Finding* finding : group.findings) {
    out.labelled(kDetailIndent, "•", style_of(severity_of(*finding, group.rule)),
                 fmt::format("{}: {}", object_of(*finding), finding->message));
    write_evidence(finding->evidence, out);
    if (finding->fix) write_fix(*finding->fix, out);
  }
}

void write_findings(const Report& report, bool verbose, TerminalText& out) {
  for (const AreaGroup& area : group_findings(report)) {
    out.blank();
    out.line_with_right(0, title_of(area.area), Style::bold, counts_text(area.counts), Style::dim);
    bool is_first = true;
    for (const RuleGroup& group : area.rules) {
      if (verbose && !is_first) out.blank();
      is_first = false;
      verbose ? write_rule_long(group, out) : write_rule_short(group, out);
    }
  }
}

/// The reasons with the number of checks each, so that one missing privilege is one line.
void write_skipped_short(const Report& report, TerminalText& out) {
  if (report.skipped.empty()) return;
  std::map<std::string, int> reasons;
  for (const Skipped& skipped : report.skipped)
    ++reasons[skipped.reason];
  std::vector<std::pair<std::string, int>> sorted(reasons.begin(), reasons.end());
  std::ranges::sort(sorted, {},
                    [](const auto& entry) { return std::pair(-entry.second, entry.first); });
  out.blank();
  out.line(0,
           plural(static_cast<std::int64_t>(report.skipped.size()), "check could not look",
                  "checks could not look"),
           Style::bold);
  for (std::size_t i = 0; i < std::min(sorted.size(), kReasonsShown); ++i) {
    out.labelled(kRuleIndent, fmt::format("{:>3}", sorted[i].second), Style::plain,
                 sorted[i].first);
  }
  if (sorted.size() > kReasonsShown) {
    out.line(kRuleIndent,
             fmt::format("    and {} more reasons (-v shows all)", sorted.size() - kReasonsShown),
             Style::dim);
  }
}

void write_lists(const Report& report, TerminalText& out) {
  if (!report.set_aside.empty()) {
    out.blank();
    out.line(0, "Set aside", Style::bold);
    for (const SetAside& aside : report.set_aside) {
      out.labelled(
          kRuleIndent, "-", Style::dim,
          fmt::format("{} on {}: {}", aside.finding.rule, object_of(aside.finding), aside.reason));
    }
  }
  if (!report.skipped.empty()) {
    out.blank();
    out.line(0, "Could not look", Style::bold);
    for (const Skipped& skipped : report.skipped) {
      out.labelled(kRuleIndent, "-", Style::dim,
                   fmt::format("{}: {}", skipped.rule, skipped.reason));
    }
  }
  if (!report.passed.empty()) {
    out.blank();
    out.line(0, "Passed", Style::bold);
    out.paragraph(kRuleIndent, base::join(report.passed, ", "));
  }
}

void write_summary(const Report& report, bool verbose, TerminalText& out) {
  const Summary summary = summarize(report);
  std::string text =
      counts_text(summary) + "; " + plural(summary.passed, "check", "checks") + " passed";
  if (summary.skipped > 0)
    text += fmt::format(", {} could not look", base::human_count(summary.skipped));
  if (!report.set_aside.empty())
    text += fmt::format(", {} set aside",
                        base::human_count(static_cast<std::int64_t>(report.set_aside.size())));
  const int score = overall_score(report);
  if (score >= 0) text += fmt::format("; score {} of 100", score);
  text.front() =
      text.front() == 'n' ? 'N' : text.front(); // "Nothing found", where no figure opens the line.
  Style style = Style::good;
  if (summary.warning > 0) style = Style::warning;
  if (summary.error > 0) style = Style::error;
  out.blank();
  out.paragraph(0, text, style);
  if (report.findings.empty()) return;
  if (!verbose)
    out.line(0, "  -v              all evidence, all fixes, what passed and what could not look");
  out.line(0, "  --explain RULE  why a rule matters, how to fix it and what it read");
  out.line(0, "  --fix-out DIR   write the fixes as migration files, each with its way back");
}

} // namespace

std::string render_text(const Report& report, const RenderOptions& options) {
  TerminalText out(options.columns, options.colour);
  write_head(report, out);
  write_checklists(report, options.verbose, out);
  write_findings(report, options.verbose, out);
  if (options.verbose) {
    write_lists(report, out);
  } else {
    write_skipped_short(report, out);
  }
  write_summary(report, options.verbose, out);
  return out.take();
}

std::string explain_rule(const Rule& rule, const std::vector<std::string>& sql_read,
                         const RenderOptions& options) {
  TerminalText out(options.columns, options.colour);
  out.paragraph(0, rule.title, Style::bold);
  out.labelled(2, "rule:    ", Style::dim, rule.id);
  if (!rule.aliases.empty())
    out.labelled(2, "also:    ", Style::dim, base::join(base::split_words(rule.aliases), ", "));
  out.labelled(2, "severity:", Style::dim, name_of(rule.severity), style_of(rule.severity));
  out.labelled(2, "area:    ", Style::dim,
               fmt::format("{} ({})", title_of(rule.area), name_of(rule.area)));
  if (rule.version_min > 0)
    out.labelled(2, "servers: ", Style::dim,
                 fmt::format("PostgreSQL {} and newer", rule.version_min));
  if (rule.counts_rates)
    out.labelled(2, "counters:", Style::dim,
                 "skipped while the counters are younger than counters-age");
  const auto section = [&out](std::string_view title, std::string_view text) {
    out.blank();
    out.line(0, title, Style::bold);
    out.paragraph(2, text);
  };
  section("Why", rule.why);
  section("How to fix", rule.how);
  section("Source", rule.source);
  if (sql_read.empty()) return out.take();
  out.blank();
  out.line(0, "What it read", Style::bold);
  bool is_first = true;
  for (const std::string& statement : sql_read) {
    if (!is_first) out.blank();
    is_first = false;
    out.verbatim(2, base::trim(statement));
  }
  return out.take();
}

} // namespace pgkeep::findings
