#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "findings/render/html_parts.h"

namespace pgkeep::findings {
namespace {

constexpr std::size_t kFindingsShown =
    200; // Per rule: a page of 50,000 tables helps nobody, and JSON has them all.
constexpr std::size_t kRowsShown = 50; // Per table of evidence.
constexpr std::size_t kColumnsMax = 12;

std::string badge(std::string_view text, std::string_view tone, std::string_view hint = {}) {
  const std::string title = hint.empty() ? std::string() : fmt::format(" title=\"{}\"", html(hint));
  return fmt::format("<span class=\"badge {}\"{}>{}</span>", tone, title, html(text));
}

std::string safety_badge(Safety safety) {
  switch (safety) {
  case Safety::online:
    return badge("safe online", "t-good", sentence_of(safety));
  case Safety::blocks_writes:
    return badge("blocks writes", "t-warning", sentence_of(safety));
  case Safety::blocks_all:
    return badge("blocks reads and writes", "t-error", sentence_of(safety));
  case Safety::manual:
    return badge("by hand", "plain", sentence_of(safety));
  }
  return {};
}

// ---- Evidence ----

bool is_table(const base::Json& value) {
  return value.as_array() != nullptr && !value.as_array()->empty() &&
         value.as_array()->front().as_object() != nullptr;
}

std::string evidence_table(std::string_view name, const base::Json::Array& rows) {
  std::vector<std::string> columns;
  for (std::size_t i = 0; i < std::min(rows.size(), kRowsShown); ++i) {
    if (rows[i].as_object() == nullptr) continue;
    for (const auto& [column, value] : *rows[i].as_object()) {
      const bool is_new = std::ranges::find(columns, column) == columns.end();
      if (is_new && columns.size() < kColumnsMax) columns.push_back(column);
    }
  }
  std::string out = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\"><table><thead><tr>",
      html(evidence_label(name)));
  for (const std::string& column : columns)
    out += fmt::format("<th scope=\"col\">{}</th>", html(evidence_label(column)));
  out += "</tr></thead><tbody>";
  for (std::size_t i = 0; i < std::min(rows.size(), kRowsShown); ++i) {
    out += "<tr>";
    for (const std::string& column : columns) {
      const base::Json* const value = rows[i].find(column);
      out += fmt::format("<td>{}</td>",
                         value == nullptr ? std::string() : html(evidence_text(column, *value)));
    }
    out += "</tr>";
  }
  out += "</tbody></table></div>\n";
  if (rows.size() > kRowsShown)
    out += fmt::format("<p class=\"small muted\">and {} more rows</p>\n", rows.size() - kRowsShown);
  return out;
}

std::string evidence_html(const base::Json& evidence) {
  if (evidence.as_object() == nullptr) return {};
  std::string facts;
  std::string tables;
  for (const auto& [name, value] : *evidence.as_object()) {
    if (is_table(value)) {
      tables += evidence_table(name, *value.as_array());
    } else {
      const std::string text = evidence_text(name, value);
      facts += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", html(evidence_label(name)),
                           text.empty() ? "–" : html(text));
    }
  }
  if (!facts.empty()) facts = fmt::format("<dl class=\"facts-list\">{}</dl>\n", facts);
  return facts + tables;
}

// ---- Fixes ----

std::string statements_text(const std::vector<std::string>& statements) {
  std::string text;
  for (const std::string& statement : statements)
    text += fmt::format("{}{};", text.empty() ? "" : "\n", statement);
  return text;
}

bool can_be_copied(const std::vector<std::string>& statements) {
  const std::string text = statements_text(statements);
  return !text.empty() && printable_code(text) == text;
}

std::string fix_html(const Fix& fix) {
  const std::string note =
      fix.note.empty() ? std::string() : fmt::format("<span>{}</span>", html(fix.note));
  std::string out = fmt::format("<div class=\"fix\"><div class=\"how\">{}{}</div>\n",
                                safety_badge(fix.safety), note);
  if (!fix.sql.empty()) out += code_block(statements_text(fix.sql), fix.sql.size() == 1);
  if (!fix.undo.empty()) {
    out += fmt::format("<details class=\"undo\"><summary>The way back</summary>{}</details>\n",
                       code_block(statements_text(fix.undo), fix.undo.size() == 1));
  }
  return out + "</div>\n";
}

// ---- Rules ----

std::string place_of(const Finding& finding) {
  if (finding.file.empty()) return finding.object.empty() ? "The server" : finding.object;
  std::string place =
      finding.line > 0 ? fmt::format("{}:{}", finding.file, finding.line) : finding.file;
  return finding.object.empty() ? place : fmt::format("{} {}", place, finding.object);
}

std::string finding_html(const Finding& finding, const RuleGroup& group) {
  const Severity severity = severity_of(finding, group.rule);
  const std::string mark =
      severity == group.worst ? std::string() : " " + badge(name_of(severity), tone_of(severity));
  std::string out = fmt::format(
      "<div class=\"finding\"><div class=\"object mono\">{}{}</div><p class=\"message\">{}</p>\n",
      html(place_of(finding)), mark, html(finding.message));
  out += evidence_html(finding.evidence);
  if (finding.fix) out += fix_html(*finding.fix);
  return out + "</div>\n";
}

std::string about_html(const RuleGroup& group) {
  if (group.rule == nullptr) return {};
  std::string out = fmt::format(
      "<dl class=\"about\"><dt>Why it matters</dt><dd>{}</dd><dt>How to fix it</dt><dd>{}</dd>",
      html(group.rule->why), html(group.rule->how));
  out += fmt::format("<dt>Source</dt><dd>{}</dd></dl>\n", html(group.rule->source));
  return out;
}

/// Every severity among the findings, for the filter.
std::string severities_of(const RuleGroup& group) {
  std::vector<std::string> names;
  for (const Finding* finding : group.findings) {
    const std::string name(name_of(severity_of(*finding, group.rule)));
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  }
  return base::join(names, " ");
}

std::string side_of(const RuleGroup& group) {
  const std::size_t count = group.findings.size();
  std::string out;
  if (count > 1)
    out +=
        fmt::format("<span>{} found</span>", base::human_count(static_cast<std::int64_t>(count)));
  const auto fixed = std::ranges::find_if(
      group.findings, [](const Finding* finding) { return finding->fix.has_value(); });
  out += safety_badge(fixed == group.findings.end() ? Safety::manual : fix_of(**fixed).safety);
  return out;
}

constexpr std::string_view kChevron =
    "<svg class=\"chevron\" width=\"14\" height=\"14\" viewBox=\"0 0 14 14\" "
    "aria-hidden=\"true\"><path d=\"M5 2l5 5-5 5\" fill=\"none\" "
    "stroke=\"currentColor\" stroke-width=\"2\" stroke-linecap=\"round\" "
    "stroke-linejoin=\"round\"/></svg>";

std::string rule_html(const RuleGroup& group) {
  std::string out =
      fmt::format("<details class=\"rule card\" data-severities=\"{}\"{}><summary>{}<span><span "
                  "class=\"title\">{}</span><br><span class=\"id mono\">{}</span></span>"
                  "<span class=\"side\">{}{}</span></summary>\n<div class=\"body\">\n",
                  severities_of(group), group.worst == Severity::error ? " open" : "",
                  badge(name_of(group.worst), tone_of(group.worst)), html(group.title()),
                  html(group.id), side_of(group), kChevron);
  out += about_html(group);
  std::size_t with_sql = 0;
  for (std::size_t i = 0; i < std::min(group.findings.size(), kFindingsShown); ++i) {
    const Finding& finding = *group.findings[i];
    with_sql += finding.fix && can_be_copied(finding.fix->sql) ? 1U : 0U;
    out += finding_html(finding, group);
  }
  if (group.findings.size() > kFindingsShown) {
    out +=
        fmt::format("<p class=\"small muted\">and {} more: the JSON report has all of them</p>\n",
                    group.findings.size() - kFindingsShown);
  }
  if (with_sql > 1)
    out += fmt::format("<p class=\"all\"><button type=\"button\" data-copy=\"all\" hidden>Copy all "
                       "{} fixes</button></p>\n",
                       with_sql);
  return out + "</div></details>\n";
}

std::string counts_text(const Summary& counts) {
  std::vector<std::string> parts;
  if (counts.error > 0) parts.push_back(plural(counts.error, "error", "errors"));
  if (counts.warning > 0) parts.push_back(plural(counts.warning, "warning", "warnings"));
  if (counts.info > 0) parts.push_back(plural(counts.info, "info", "info"));
  return base::join(parts, ", ");
}

std::string toggle_html(std::string_view severity, std::string_view label, int count) {
  return fmt::format("<button type=\"button\" class=\"toggle t-{0}\" data-severity=\"{0}\" "
                     "aria-pressed=\"true\"><span class=\"dot\"></span>{1} {2}</button>\n",
                     severity, label, count);
}

std::string tools_html(const Report& report) {
  const Summary summary = summarize(report);
  std::string out = "<div class=\"tools\" role=\"search\">\n";
  out += toggle_html("error", "Errors", summary.error) +
         toggle_html("warning", "Warnings", summary.warning) +
         toggle_html("info", "Info", summary.info);
  out += "<input id=\"search\" type=\"search\" placeholder=\"Search tables, rules, SQL\" "
         "aria-label=\"Search in the findings\" autocomplete=\"off\">\n";
  out += "<button type=\"button\" id=\"expand\">Open all</button>\n<span id=\"shown\" "
         "class=\"small muted\" role=\"status\"></span>\n</div>\n";
  return out + "<p id=\"none\" class=\"card empty\" hidden>Nothing matches this filter.</p>\n";
}

} // namespace

std::string findings_section(const Report& report, const std::vector<AreaGroup>& areas) {
  if (areas.empty()) {
    return "<h2 id=\"findings\">Findings</h2>\n<p class=\"card empty\">Nothing found. What could "
           "not be looked at is listed below.</p>\n";
  }
  std::string out = "<h2 id=\"findings\">Findings</h2>\n" + tools_html(report);
  for (const AreaGroup& area : areas) {
    out += fmt::format("<section class=\"area-block\"><h3 id=\"area-{}\">{} <span "
                       "class=\"muted\">{}</span></h3>\n",
                       name_of(area.area), html(title_of(area.area)), counts_text(area.counts));
    for (const RuleGroup& group : area.rules)
      out += rule_html(group);
    out += "</section>\n";
  }
  return out;
}

} // namespace pgkeep::findings
