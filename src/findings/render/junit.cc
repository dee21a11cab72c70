// JUnit XML for CI systems: a suite an area, a case a rule. Errors and warnings fail their case;
// info is its output.
#include <fmt/format.h>

#include <array>

#include "base/text.h"
#include "findings/lookup.h"
#include "findings/render/renderers.h"

namespace pgkeep::findings {
namespace {

constexpr std::size_t kFindingsShown =
    200; // Per case; CI systems choke on more, and JSON has them all.

struct Case {
  const Rule* rule = nullptr;
  std::string id;
  const RuleGroup* group = nullptr;    ///< Null: nothing found.
  const std::string* reason = nullptr; ///< Why it could not look; null: it could.
  [[nodiscard]] bool fails() const { return group != nullptr && group->worst != Severity::info; }
  [[nodiscard]] bool is_skipped() const { return group == nullptr && reason != nullptr; }
};

std::string xml(std::string_view text) {
  return base::escape_xml(base::printable(text));
}

std::string details(const RuleGroup& group) {
  std::string text;
  std::size_t shown = 0;
  for (const Finding* finding : group.findings) {
    if (shown++ == kFindingsShown) {
      text += fmt::format("and {} more\n", group.findings.size() - kFindingsShown);
      break;
    }
    const std::string_view object =
        finding->object.empty() ? std::string_view("server") : std::string_view(finding->object);
    text += fmt::format("{}: {}: {}\n", name_of(severity_of(*finding, group.rule)), xml(object),
                        xml(finding->message));
    if (!finding->fix) continue;
    const Fix& fix = fix_of(*finding);
    for (const std::string& statement : fix.sql) {
      text += fmt::format("  {} fix: {};\n", name_of(fix.safety), xml(statement));
    }
    if (!fix.note.empty()) text += fmt::format("  note: {}\n", xml(fix.note));
  }
  return text;
}

std::string case_xml(const Case& one, Area area) {
  std::string text =
      fmt::format("    <testcase classname=\"pgkeep.{}\" name=\"{}\"", name_of(area), xml(one.id));
  if (one.fails()) {
    const RuleGroup& group = *one.group;
    text += fmt::format(
        ">\n      <failure type=\"{}\" message=\"{} ({})\">{}</failure>\n    </testcase>\n",
        name_of(group.worst), xml(group.title()), group.findings.size(), details(group));
  } else if (one.is_skipped()) {
    text += fmt::format(">\n      <skipped message=\"{}\"/>\n    </testcase>\n", xml(*one.reason));
  } else if (one.group != nullptr) {
    text +=
        fmt::format(">\n      <system-out>{}</system-out>\n    </testcase>\n", details(*one.group));
  } else {
    text += "/>\n";
  }
  return text;
}

std::array<std::vector<Case>, kAreaCount> cases_of(const Report& report,
                                                   const std::vector<AreaGroup>& areas) {
  std::unordered_map<std::string_view, const RuleGroup*> found;
  for (const AreaGroup& area : areas) {
    for (const RuleGroup& group : area.rules)
      found.emplace(group.id, &group);
  }
  std::unordered_map<std::string_view, const std::string*> blind;
  for (const Skipped& skipped : report.skipped)
    blind.emplace(skipped.rule, &skipped.reason);
  std::array<std::vector<Case>, kAreaCount> cases;
  for (const Rule* rule : report.rules) {
    Case one{.rule = rule, .id = std::string(rule->id)};
    if (const auto group = found.find(rule->id); group != found.end()) one.group = group->second;
    if (const auto reason = blind.find(rule->id); reason != blind.end())
      one.reason = reason->second;
    cases[static_cast<std::size_t>(rule->area)].push_back(std::move(one));
  }
  // A finding of a rule that the report does not list is no less a failure.
  for (const AreaGroup& area : areas) {
    for (const RuleGroup& group : area.rules) {
      if (group.rule == nullptr)
        cases[static_cast<std::size_t>(area.area)].push_back({.id = group.id, .group = &group});
    }
  }
  return cases;
}

struct Totals {
  std::size_t tests = 0;
  std::size_t failures = 0;
  std::size_t skipped = 0;
};

} // namespace

std::string render_junit(const Report& report) {
  const std::vector<AreaGroup> areas = group_findings(report);
  const auto cases = cases_of(report, areas);
  Totals all;
  std::string suites;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (cases[i].empty()) continue;
    const Area area = static_cast<Area>(i);
    Totals here;
    std::string body;
    for (const Case& one : cases[i]) {
      ++here.tests;
      if (one.fails()) ++here.failures;
      if (one.is_skipped()) ++here.skipped;
      body += case_xml(one, area);
    }
    suites += fmt::format("  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" "
                          "skipped=\"{}\">\n{}  </testsuite>\n",
                          title_of(area), here.tests, here.failures, here.skipped, body);
    all.tests += here.tests;
    all.failures += here.failures;
    all.skipped += here.skipped;
  }
  return fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<testsuites name=\"pgkeep: {}\" tests=\"{}\" failures=\"{}\" errors=\"0\" "
                     "skipped=\"{}\">\n{}</testsuites>\n",
                     xml(report.title), all.tests, all.failures, all.skipped, suites);
}

} // namespace pgkeep::findings
