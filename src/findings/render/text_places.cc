// The report about files for a terminal: place by place, as compilers do, with the line and a
// caret.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"
#include "findings/lookup.h"
#include "findings/render/renderers.h"
#include "findings/render/terminal_text.h"

namespace pgkeep::findings {
namespace {

constexpr std::size_t kExcerptIndent = 4;

/// The line with the place in view, and what stands before the place replaced by blanks.
void write_excerpt(const Finding& finding, TerminalText& out) {
  if (finding.source_line.empty()) return;
  std::string line = base::replace_all(finding.source_line, "\t", " ");
  std::size_t before = 0; // Bytes in front of the place.
  for (int column = 1; column < finding.column && before < line.size(); ++column)
    before +=
        std::max<std::size_t>(base::decode_utf8(std::string_view(line).substr(before)).bytes, 1);
  before = std::min(before, line.size());
  std::string head = line.substr(0, before);
  std::string tail = line.substr(before);
  const std::size_t width = out.columns() - kExcerptIndent;
  // A place far to the right: the beginning of the line gives way.
  if (base::columns_of(head) + 20 > width) {
    while (base::columns_of(head) + 40 > width && !head.empty())
      head.erase(0, std::max<std::size_t>(base::decode_utf8(head).bytes, 1));
    head = "…" + head;
  }
  out.line(kExcerptIndent, head + tail, Style::dim);
  out.line(kExcerptIndent, std::string(base::columns_of(head), ' ') + "^", Style::bold);
}

void write_fix(const Fix& fix, bool verbose, TerminalText& out) {
  if (fix.safety == Safety::manual || fix.sql.empty()) {
    if (!fix.note.empty()) out.labelled(kExcerptIndent, "by hand:", Style::dim, fix.note);
    return;
  }
  const std::string label = fmt::format("safe form ({}):", name_of(fix.safety));
  if (!verbose) {
    std::string text = fix.sql.front();
    if (fix.sql.size() > 1) text += fmt::format("; and {} more", fix.sql.size() - 1);
    out.line(kExcerptIndent, label + " " + base::replace_all(text, "\n", " "), Style::dim);
    return;
  }
  out.line(kExcerptIndent, label, Style::dim);
  for (const std::string& sql : fix.sql)
    out.verbatim(kExcerptIndent + 2, sql + ";");
  if (!fix.note.empty()) out.paragraph(kExcerptIndent + 2, fix.note);
}

void write_finding(const Finding& finding, const Rule* rule, bool verbose, TerminalText& out) {
  const Severity severity = severity_of(finding, rule);
  const std::string object = finding.object.empty() ? "" : finding.object + ": ";
  // Whole, however long: editors and terminals open what is written so.
  out.labelled_with_right(0,
                          fmt::format("{}:{}:{}:", finding.file, std::max(finding.line, 1),
                                      std::max(finding.column, 1)),
                          style_of(severity), name_of(severity), style_of(severity), finding.rule);
  out.paragraph(2, object + finding.message);
  write_excerpt(finding, out);
  if (finding.fix) write_fix(*finding.fix, verbose, out);
  if (verbose && rule != nullptr) {
    out.labelled(kExcerptIndent, "why:", Style::dim, rule->why);
    out.labelled(kExcerptIndent, "source:", Style::dim, rule->source);
  }
}

} // namespace

std::string render_places(const Report& report, const RenderOptions& options) {
  TerminalText out(options.columns, options.colour);
  const RuleIndex index(report);
  std::vector<const Finding*> findings;
  findings.reserve(report.findings.size());
  for (const Finding& finding : report.findings)
    findings.push_back(&finding);
  std::ranges::stable_sort(findings, [](const Finding* a, const Finding* b) {
    return std::tie(a->file, a->line, a->column) < std::tie(b->file, b->line, b->column);
  });
  for (const Finding* const finding : findings) {
    write_finding(*finding, index.find(finding->rule), options.verbose, out);
    out.blank();
  }
  for (const std::string& note : report.notes)
    out.labelled(0, "note:", Style::dim, note);
  if (options.verbose) {
    for (const SetAside& aside : report.set_aside)
      out.labelled(0, "set aside:", Style::dim,
                   fmt::format("{}:{} {}: {}", aside.finding.file, aside.finding.line,
                               aside.finding.rule, aside.reason));
    for (const Skipped& skipped : report.skipped)
      out.labelled(0, "could not look:", Style::dim,
                   fmt::format("{}: {}", skipped.rule, skipped.reason));
  }
  const Summary counts = summarize(report);
  std::string summary = fmt::format(
      "{}: {}, {}, {} info; {} rules passed", report.title, plural(counts.error, "error", "errors"),
      plural(counts.warning, "warning", "warnings"), counts.info, counts.passed);
  if (!report.set_aside.empty()) summary += fmt::format(", {} set aside", report.set_aside.size());
  if (counts.skipped > 0) summary += fmt::format(", {} could not look", counts.skipped);
  out.paragraph(0, summary, Style::bold);
  if (!options.verbose && !findings.empty())
    out.line(0, "-v shows every statement of a safe form and why; --explain RULE a whole rule",
             Style::dim);
  return out.take();
}

} // namespace pgkeep::findings
