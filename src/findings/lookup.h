/// What several renderers ask of a report: the rule of a finding, findings grouped for reading,
/// names. Private to findings.
///
/// The pointers are into the report that was given: they live as long as it does.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "findings/report.h"

namespace pgkeep::findings {

/// Finds the rule of a finding in constant time: a catalog of 10,000 tables can have tens of
/// thousands of findings.
class RuleIndex {
public:
  explicit RuleIndex(const Report& report);
  /// Null for a rule that the report does not list.
  [[nodiscard]] const Rule* find(std::string_view id) const;

private:
  std::unordered_map<std::string_view, const Rule*> rules_;
};

/// All findings of one rule.
struct RuleGroup {
  std::string id;
  const Rule* rule = nullptr; ///< Null where the report does not list it.
  Severity worst = Severity::info;
  std::vector<const Finding*> findings; ///< Worst first.
  [[nodiscard]] std::string_view title() const {
    return rule == nullptr ? std::string_view(id) : rule->title;
  }
};

/// All findings of one area.
struct AreaGroup {
  Area area = Area::schema;
  Summary counts;               ///< Findings only.
  std::vector<RuleGroup> rules; ///< Worst first, then in the order of the report's rules.
};

/// The areas that have findings, the one with the worst first.
std::vector<AreaGroup> group_findings(const Report& report);

Severity severity_of(const Finding& finding, const Rule* rule);
/// The fix of a finding that has one: the caller has looked.
const Fix& fix_of(const Finding& finding);
std::string_view name_of(Phase phase) noexcept; ///< "index-build".
/// "online: no lock that anybody waits for", for a person.
std::string_view sentence_of(Safety safety) noexcept;
/// "1 error", "2 errors".
std::string plural(std::int64_t count, std::string_view one, std::string_view many);
/// Half the mean of the areas that could be looked at, half the weakest of them: ten good areas do
/// not make up for one through which everything can be lost. -1 where none could be looked at.
int overall_score(const Report& report);
/// Rules that were asked, area by area: whether one has anything to say.
bool has_rules(const Report& report, Area area);
/// A member of the target as text; empty where it is absent.
std::string target_text(const Report& report, std::string_view member);
/// One value of the evidence in one line; the name says what the figure is: bytes become "42 MB",
/// counts "1,234", pids stay as they are.
std::string evidence_text(std::string_view name, const base::Json& value);
/// "rows_read" as a person reads it: "rows read".
std::string evidence_label(std::string_view name);
/// The fix in one line: "by hand: ..." or the first statement; empty where nothing is known.
std::string fix_in_short(const RuleGroup& group);

} // namespace pgkeep::findings
