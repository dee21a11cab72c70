#include "findings/report.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "findings/lookup.h"

namespace pgkeep::findings {
namespace {

constexpr int kScoreFull = 100;
constexpr int kCostError = 25;
constexpr int kCostWarning = 8;
constexpr int kCostInfo = 1;

int cost_of(Severity severity) {
  if (severity == Severity::error) return kCostError;
  return severity == Severity::warning ? kCostWarning : kCostInfo;
}

} // namespace

std::string_view name_of(Answer answer) noexcept {
  switch (answer) {
  case Answer::passed:
    return "passed";
  case Answer::failed:
    return "failed";
  case Answer::could_not_look:
    return "could not look";
  }
  return "could not look";
}

Summary summarize(const Report& report) {
  const RuleIndex index(report);
  Summary summary = report.written.counts;
  for (const Finding& finding : report.findings) {
    const Severity severity = severity_of(finding, index.find(finding.rule));
    if (severity == Severity::error) {
      ++summary.error;
    } else if (severity == Severity::warning) {
      ++summary.warning;
    } else {
      ++summary.info;
    }
  }
  summary.passed = static_cast<int>(report.passed.size());
  summary.skipped = static_cast<int>(report.skipped.size());
  return summary;
}

int score_of(const Report& report, Area area) {
  std::unordered_map<std::string_view, const Rule*> asked;
  for (const Rule* rule : report.rules) {
    if (rule->area == area) asked.emplace(rule->id, rule);
  }
  std::unordered_map<std::string_view, Severity> worst;
  for (const Finding& finding : report.findings) {
    const auto rule = asked.find(finding.rule);
    if (rule == asked.end()) continue;
    const Severity severity = severity_of(finding, rule->second);
    const auto [place, is_new] = worst.try_emplace(finding.rule, severity);
    if (!is_new) place->second = std::max(place->second, severity);
  }
  // A rule that was skipped looked all the same when it found something, be it set aside.
  std::unordered_set<std::string_view> blind;
  for (const Skipped& skipped : report.skipped)
    blind.insert(skipped.rule);
  for (const auto& [rule, severity] : worst)
    blind.erase(rule);
  for (const SetAside& aside : report.set_aside)
    blind.erase(aside.finding.rule);
  const bool could_look = std::ranges::any_of(
      asked, [&blind](const auto& rule) { return !blind.contains(rule.first); });
  if (!could_look) return -1;
  int score = kScoreFull;
  for (const auto& [rule, severity] : worst)
    score -= cost_of(severity);
  return std::max(score, 0);
}

} // namespace pgkeep::findings
