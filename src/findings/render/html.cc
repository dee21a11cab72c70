// One self-contained page: no request leaves it, and its Content-Security-Policy would stop one.
// The style and the script are allowed by their hashes, so that markup from a database could not
// run even if it got past the escaping.
#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "findings/render/html_parts.h"
#include "findings/render/html_script.h"
#include "findings/render/html_style.h"
#include "findings/render/renderers.h"

namespace pgkeep::findings {
namespace {

constexpr int kScoreGood = 90;
constexpr int kScoreFair = 70;
constexpr double kRingLength = 326.726; // 2 pi r of the ring, r = 52.

/// "sha256-...": how a Content-Security-Policy names an inline text (CSP Level 3, hash-source).
std::string csp_hash(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int digest_bytes = 0;
  const int hashed =
      EVP_Digest(text.data(), text.size(), digest.data(), &digest_bytes, EVP_sha256(), nullptr);
  PGKEEP_ASSERT(hashed == 1);
  std::array<unsigned char, std::size_t{2} * EVP_MAX_MD_SIZE> encoded{};
  const int encoded_bytes =
      EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(digest_bytes));
  std::string base64;
  for (int i = 0; i < encoded_bytes; ++i)
    base64.push_back(static_cast<char>(encoded[static_cast<std::size_t>(i)]));
  return "sha256-" + base64;
}

std::string_view tone_of_score(int score) {
  if (score >= kScoreGood) return "t-good";
  return score >= kScoreFair ? "t-warning" : "t-error";
}

/// "2026-11-21T13:20:25Z" as "2026-11-21 13:20 UTC"; other forms stay as they are.
std::string readable_time(const std::string& iso) {
  constexpr std::size_t iso_size = 20;
  if (iso.size() != iso_size || iso[10] != 'T' || iso.back() != 'Z') return iso;
  return fmt::format("{} {} UTC", iso.substr(0, 10), iso.substr(11, 5));
}

constexpr std::string_view kIcon =
    "<svg width=\"22\" height=\"22\" viewBox=\"0 0 24 24\" aria-hidden=\"true\" "
    "class=\"t-info\"><path fill=\"currentColor\" d=\"M3 3h4v3h3V3h4v3h3V3h4v8l-2 2v8h-5"
    "v-4a2 2 0 0 0-4 0v4H5v-8l-2-2z\"/></svg>";

std::string head(const Report& report) {
  // The icon is a data URL: browsers ask a server for one that is missing.
  const std::string policy =
      fmt::format("default-src &#39;none&#39;; style-src &#39;{}&#39;; script-src &#39;{}&#39;; "
                  "img-src data:; base-uri &#39;none&#39;; form-action &#39;none&#39;",
                  csp_hash(kHtmlStyle), csp_hash(kHtmlScript));
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta "
      "name=\"referrer\" content=\"no-referrer\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>pgkeep: {}</title>\n"
      "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' "
      "viewBox='0 0 24 24'%3E%3Cpath fill='%233b7dd8' "
      "d='M3 3h4v3h3V3h4v3h3V3h4v8l-2 2v8h-5v-4a2 2 0 0 0-4 "
      "0v4H5v-8l-2-2z'/%3E%3C/svg%3E\">\n<style>{}</style>\n</head>\n<body>\n",
      policy, html(report.title), kHtmlStyle);
}

std::string ring(int score) {
  if (score < 0)
    return "<div class=\"ring\"><p class=\"muted\">no score: nothing could look</p></div>\n";
  return fmt::format(
      "<div class=\"ring\"><svg class=\"{}\" width=\"136\" height=\"136\" viewBox=\"0 0 120 120\" "
      "role=\"img\" aria-label=\"Score {} of 100\">"
      "<circle class=\"track\" cx=\"60\" cy=\"60\" r=\"52\" stroke-width=\"10\"/>"
      "<circle cx=\"60\" cy=\"60\" r=\"52\" stroke-width=\"10\" fill=\"none\" "
      "stroke=\"currentColor\" stroke-linecap=\"round\" "
      "stroke-dasharray=\"{:.1f} {:.1f}\" transform=\"rotate(-90 60 60)\"/>"
      "<text x=\"60\" y=\"66\" text-anchor=\"middle\" font-size=\"34\">{}</text><text class=\"of\" "
      "x=\"60\" y=\"84\" text-anchor=\"middle\" "
      "font-size=\"12\">of 100</text></svg><p class=\"muted\">overall score</p></div>\n",
      tone_of_score(score), score, kRingLength * score / 100.0, kRingLength, score);
}

std::string verdict(const Summary& summary) {
  if (summary.error > 0)
    return fmt::format("<p class=\"verdict t-error\">Not ready to go live: {} to mend first.</p>",
                       plural(summary.error, "error", "errors"));
  if (summary.warning > 0) {
    return fmt::format("<p class=\"verdict t-warning\">No errors. {} will become some.</p>",
                       plural(summary.warning, "warning", "warnings"));
  }
  return "<p class=\"verdict t-good\">No errors and no warnings.</p>";
}

std::string pill(int count, std::string_view label, std::string_view tone) {
  return fmt::format("<span class=\"pill {}\"><b>{}</b> {}</span>",
                     count == 0 ? std::string_view() : tone, count, label);
}

std::string hero(const Report& report) {
  const Summary summary = summarize(report);
  const std::string database = target_text(report, "database");
  std::string out =
      fmt::format("<header class=\"card hero\"><div><h1>{}</h1>\n<div class=\"facts\">",
                  html(database.empty() ? report.title : database));
  const std::string version = target_text(report, "server_version");
  const std::string host = target_text(report, "host");
  const std::string port = target_text(report, "port");
  const std::string taken = target_text(report, "taken_at");
  if (!version.empty()) out += fmt::format("<span>PostgreSQL {}</span>", html(version));
  if (!host.empty())
    out += fmt::format("<span>{}{}</span>", html(host), port.empty() ? "" : html(":" + port));
  if (!taken.empty()) out += fmt::format("<span>{}</span>", html(readable_time(taken)));
  out += "</div>\n" + verdict(summary) + "\n<div class=\"pills\">";
  out += pill(summary.error, summary.error == 1 ? "error" : "errors", "t-error") +
         pill(summary.warning, summary.warning == 1 ? "warning" : "warnings", "t-warning");
  out += pill(summary.info, "info", "t-info") + pill(summary.passed, "passed", "t-good") +
         pill(summary.skipped, "could not look", "");
  return out + "</div></div>\n" + ring(overall_score(report)) + "</header>\n";
}

std::string notes(const Report& report) {
  if (report.notes.empty()) return {};
  std::string out = "<ul class=\"card notes\">";
  for (const std::string& note : report.notes)
    out += fmt::format("<li>{}</li>", html(note));
  return out + "</ul>\n";
}

// ---- Scores ----

struct AreaTally {
  int failed = 0;
  int passed = 0;
  int blind = 0;
  int aside = 0;
};

std::array<AreaTally, kAreaCount> tally(const Report& report, const std::vector<AreaGroup>& areas) {
  const RuleIndex index(report);
  std::array<AreaTally, kAreaCount> tallies;
  for (const AreaGroup& area : areas)
    tallies[static_cast<std::size_t>(area.area)].failed = static_cast<int>(area.rules.size());
  for (const std::string& id : report.passed) {
    if (const Rule* rule = index.find(id); rule != nullptr)
      ++tallies[static_cast<std::size_t>(rule->area)].passed;
  }
  for (const Skipped& skipped : report.skipped) {
    if (const Rule* rule = index.find(skipped.rule); rule != nullptr)
      ++tallies[static_cast<std::size_t>(rule->area)].blind;
  }
  for (const SetAside& entry : report.set_aside) {
    if (const Rule* rule = index.find(entry.finding.rule); rule != nullptr)
      ++tallies[static_cast<std::size_t>(rule->area)].aside;
  }
  return tallies;
}

std::string area_card(Area area, int score, const AreaTally& tally) {
  std::vector<std::string> parts;
  if (tally.failed > 0) parts.push_back(fmt::format("{} found", tally.failed));
  if (tally.passed > 0) parts.push_back(fmt::format("{} passed", tally.passed));
  if (tally.blind > 0) parts.push_back(fmt::format("{} could not look", tally.blind));
  if (tally.aside > 0) parts.push_back(fmt::format("{} set aside", tally.aside));
  const bool has_link = tally.failed > 0;
  const std::string open =
      has_link ? fmt::format("<a class=\"card area\" href=\"#area-{}\">", name_of(area))
               : "<div class=\"card area\">";
  const std::string number =
      score < 0 ? "<span class=\"number muted\">–</span>"
                : fmt::format("<span class=\"number {}\">{}</span>", tone_of_score(score), score);
  const std::string bar =
      score < 0
          ? std::string()
          : fmt::format(
                "<rect class=\"{}\" width=\"{}%\" height=\"6\" rx=\"3\" fill=\"currentColor\"/>",
                tone_of_score(score), score);
  return fmt::format("{}<span class=\"top\"><span class=\"name\">{}</span>{}</span><svg "
                     "aria-hidden=\"true\">{}</svg><span class=\"small\">{}</span>{}\n",
                     open, html(title_of(area)), number, bar, base::join(parts, ", "),
                     has_link ? "</a>" : "</div>");
}

std::string scores(const Report& report, const std::vector<AreaGroup>& areas) {
  if (report.rules.empty()) return {};
  const auto tallies = tally(report, areas);
  std::string out = "<h2>Score by area</h2>\n<div class=\"areas\">\n";
  for (int i = 0; i < kAreaCount; ++i) {
    const Area area = static_cast<Area>(i);
    if (has_rules(report, area))
      out += area_card(area, score_of(report, area), tallies[static_cast<std::size_t>(i)]);
  }
  return out + "</div>\n";
}

// ---- Checklists ----

std::string mark(Answer answer) {
  constexpr std::string_view markup =
      "<svg class=\"mark {}\" width=\"18\" height=\"18\" viewBox=\"0 0 18 18\" role=\"img\" "
      "aria-label=\"{}\"><circle cx=\"9\" cy=\"9\" r=\"9\" "
      "fill=\"currentColor\" opacity=\".16\"/>{}</svg>";
  std::string_view tone = "muted";
  std::string_view path =
      "<path d=\"M7 7a2 2 0 1 1 2.9 1.8c-.6.3-.9.7-.9 1.4M9 12.6v.1\" fill=\"none\" "
      "stroke=\"currentColor\" stroke-width=\"1.7\" stroke-linecap=\"round\"/>";
  if (answer == Answer::passed) {
    tone = "t-good";
    path = "<path d=\"M5 9.4l2.7 2.7L13 6.6\" fill=\"none\" stroke=\"currentColor\" "
           "stroke-width=\"2\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/>";
  } else if (answer == Answer::failed) {
    tone = "t-error";
    path = "<path d=\"M6 6l6 6M12 6l-6 6\" fill=\"none\" stroke=\"currentColor\" "
           "stroke-width=\"2\" stroke-linecap=\"round\"/>";
  }
  return fmt::format(fmt::runtime(markup), tone, name_of(answer), path);
}

std::string checklist(const Checklist& list) {
  const auto passed = std::ranges::count(list.items, Answer::passed, &ChecklistItem::answer);
  std::string out = fmt::format("<section class=\"card list\"><div class=\"top\"><h3>{}</h3><span "
                                "class=\"muted small\">{} of {} passed</span></div><ol>\n",
                                html(list.title), passed, list.items.size());
  for (const ChecklistItem& item : list.items) {
    out += fmt::format("<li>{}<div><div class=\"text\">{}. {}</div>", mark(item.answer),
                       item.number, html(item.text));
    if (!item.evidence.empty())
      out += fmt::format("<div class=\"evidence\">{}</div>", html(item.evidence));
    if (item.answer != Answer::passed && !item.command.empty())
      out += "<div class=\"do\">" + code_block(item.command, true) + "</div>";
    out += "</div></li>\n";
  }
  return out + "</ol></section>\n";
}

std::string checklists(const Report& report) {
  if (report.checklists.empty()) return {};
  std::string out = "<h2>Going-live checklists</h2>\n<div class=\"lists\">\n";
  for (const Checklist& list : report.checklists)
    out += checklist(list);
  return out + "</div>\n";
}

// ---- Lists at the end ----

std::string fold(std::string_view title, std::size_t count, std::string_view list_class,
                 const std::string& items) {
  if (count == 0) return {};
  return fmt::format("<details class=\"card fold\"><summary>{} ({})</summary><div "
                     "class=\"inner\"><ul class=\"{}\">{}</ul></div></details>\n",
                     title, count, list_class, items);
}

std::string lists(const Report& report) {
  const RuleIndex index(report);
  std::string passed;
  for (const std::string& id : report.passed) {
    const Rule* const rule = index.find(id);
    passed += fmt::format("<li><span class=\"mono\">{}</span>{}</li>", html(id),
                          rule == nullptr ? ""
                                          : fmt::format("<br><span class=\"muted small\">{}</span>",
                                                        html(rule->title)));
  }
  std::string skipped;
  for (const Skipped& entry : report.skipped)
    skipped += fmt::format("<li><span class=\"mono\">{}</span>: {}</li>", html(entry.rule),
                           html(entry.reason));
  std::string aside;
  for (const SetAside& entry : report.set_aside) {
    aside += fmt::format("<li><span class=\"mono\">{}</span> on {}: {}</li>",
                         html(entry.finding.rule), html(entry.finding.object), html(entry.reason));
  }
  const std::string folds = fold("Could not look", report.skipped.size(), "wide", skipped) +
                            fold("Set aside", report.set_aside.size(), "wide", aside) +
                            fold("Passed", report.passed.size(), "", passed);
  return folds.empty() ? folds : "<h2>The rest</h2>\n" + folds;
}

constexpr std::string_view kFooter =
    "<footer><p><b>safe online</b>: no lock that reads or writes wait for longer than an instant. "
    "<b>blocks writes</b>, <b>blocks reads and writes</b>: they wait while the fix works, so "
    "choose a quiet hour. "
    "<b>by hand</b>: no statement can do it.</p><p>An area starts at 100 and loses 25 for each "
    "rule with an error, 8 for one with a "
    "warning, 1 for one with advice. The overall score is "
    "half the mean of the areas and half the weakest one; areas that nothing could look at do not "
    "count.</p>"
    "<p>Made by pgkeep. This page is one file and loads nothing from anywhere.</p></footer>\n";

} // namespace

std::string html(std::string_view text) {
  return base::escape_xml(base::printable(text));
}

std::string_view tone_of(Severity severity) {
  if (severity == Severity::error) return "t-error";
  return severity == Severity::warning ? "t-warning" : "t-info";
}

std::string printable_code(std::string_view code) {
  std::vector<std::string> lines = base::split(code, '\n');
  for (std::string& line : lines) {
    std::vector<std::string> cells = base::split(line, '\t');
    for (std::string& cell : cells)
      cell = base::printable(cell);
    line = base::join(cells, "\t");
  }
  return base::join(lines, "\n");
}

std::string code_block(std::string_view code, bool is_one_line) {
  const std::string shown = printable_code(code);
  // What is not the statement itself must not be one click away from a terminal.
  const bool is_exact = shown == code;
  const bool is_low = is_one_line && !shown.contains('\n');
  std::string out =
      fmt::format("<div class=\"code{}\">{}<pre tabindex=\"0\"><code>{}</code></pre></div>\n",
                  is_low ? " one" : "",
                  is_exact ? "<button type=\"button\" data-copy=\"one\" hidden>Copy</button>" : "",
                  base::escape_xml(shown));
  if (!is_exact) {
    out += "<p class=\"small muted\">A name in it holds control characters, shown here as escapes: "
           "take the statement from --fix-out.</p>\n";
  }
  return out;
}

std::string render_html(const Report& report) {
  const std::vector<AreaGroup> areas = group_findings(report);
  std::string out = head(report);
  out += fmt::format("<div class=\"bar\">{}<span>pgkeep</span><span class=\"muted\">database "
                     "report</span></div>\n<main>\n",
                     kIcon);
  out += hero(report) + notes(report) + scores(report, areas) + checklists(report) +
         findings_section(report, areas) + lists(report) + std::string(kFooter);
  out += fmt::format("</main>\n<script>{}</script>\n</body>\n</html>\n", kHtmlScript);
  return out;
}

} // namespace pgkeep::findings
