#include "findings/lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/result.h"
#include "base/text.h"
#include "base/units.h"

namespace pgkeep::findings {
namespace {

int order_of(Severity severity) {
  return -static_cast<int>(severity);
}

void count(Summary& counts, Severity severity) {
  if (severity == Severity::error) {
    ++counts.error;
  } else if (severity == Severity::warning) {
    ++counts.warning;
  } else {
    ++counts.info;
  }
}

/// Groups by rule, in the order in which the rules first appear.
std::vector<RuleGroup> group_by_rule(const Report& report, const RuleIndex& index) {
  std::vector<RuleGroup> groups;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const Finding& finding : report.findings) {
    const auto [place, is_new] = places.try_emplace(finding.rule, groups.size());
    if (is_new) {
      RuleGroup group;
      group.id = finding.rule;
      group.rule = index.find(finding.rule);
      groups.push_back(std::move(group));
    }
    RuleGroup& group = groups[place->second];
    group.worst = std::max(group.worst, severity_of(finding, group.rule));
    group.findings.push_back(&finding);
  }
  return groups;
}

/// Numbers that name something: thousands separators would falsify them.
bool is_identity(std::string_view name) {
  constexpr std::array<std::string_view, 9> names = {"pid",     "pids",   "oid", "port", "line",
                                                     "version", "number", "xid", "id"};
  return std::ranges::any_of(names, [name](std::string_view one) {
    return name == one || (name.size() > one.size() && name.ends_with(one) &&
                           name[name.size() - one.size() - 1] == '_');
  });
}

bool is_worse(const AreaGroup& a, const AreaGroup& b) {
  const bool a_error = a.counts.error > 0;
  const bool b_error = b.counts.error > 0;
  if (a_error != b_error) return a_error;
  const bool a_warning = a.counts.warning > 0;
  const bool b_warning = b.counts.warning > 0;
  if (a_warning != b_warning) return a_warning;
  return a.area < b.area;
}

/// Within a severity the report's order stays: all findings are elements of one vector, so their
/// addresses tell it.
void sort_worst_first(AreaGroup& area) {
  std::ranges::sort(area.rules, {}, [](const RuleGroup& group) {
    // Not sorted yet: the first one is the rule's first finding in the report.
    return std::pair(order_of(group.worst), group.findings.front());
  });
  for (RuleGroup& group : area.rules) {
    std::ranges::sort(group.findings, {}, [&group](const Finding* finding) {
      return std::pair(order_of(severity_of(*finding, group.rule)), finding);
    });
  }
}

} // namespace

RuleIndex::RuleIndex(const Report& report) {
  for (const Rule* rule : report.rules)
    rules_.try_emplace(rule->id, rule);
}

const Rule* RuleIndex::find(std::string_view id) const {
  const auto place = rules_.find(id);
  return place == rules_.end() ? nullptr : place->second;
}

std::vector<AreaGroup> group_findings(const Report& report) {
  const RuleIndex index(report);
  std::vector<AreaGroup> areas(kAreaCount);
  for (std::size_t i = 0; i < areas.size(); ++i)
    areas[i].area = static_cast<Area>(i);
  for (RuleGroup& group : group_by_rule(report, index)) {
    const Area place = group.rule == nullptr ? Area::schema : group.rule->area;
    AreaGroup& area = areas[static_cast<std::size_t>(place)];
    for (const Finding* finding : group.findings)
      count(area.counts, severity_of(*finding, group.rule));
    area.rules.push_back(std::move(group));
  }
  std::erase_if(areas, [](const AreaGroup& area) { return area.rules.empty(); });
  std::ranges::sort(areas, is_worse);
  for (AreaGroup& area : areas)
    sort_worst_first(area);
  return areas;
}

const Fix& fix_of(const Finding& finding) {
  PGKEEP_ASSERT(finding.fix.has_value());
  return *finding.fix;
}

Severity severity_of(const Finding& finding, const Rule* rule) {
  if (finding.severity) return *finding.severity;
  return rule == nullptr ? Severity::warning : rule->severity;
}

std::string_view name_of(Phase phase) noexcept {
  switch (phase) {
  case Phase::settings:
    return "settings";
  case Phase::roles:
    return "roles";
  case Phase::repair:
    return "repair";
  case Phase::types:
    return "types";
  case Phase::keys:
    return "keys";
  case Phase::index_build:
    return "index-build";
  case Phase::index_drop:
    return "index-drop";
  case Phase::maintenance:
    return "maintenance";
  }
  return "maintenance";
}

std::string_view sentence_of(Safety safety) noexcept {
  switch (safety) {
  case Safety::online:
    return "Safe while the application runs: no lock that reads or writes wait for longer than an "
           "instant.";
  case Safety::blocks_writes:
    return "Writes to the table wait while this works: choose a quiet hour.";
  case Safety::blocks_all:
    return "Reads and writes of the table wait while this works: choose a quiet hour.";
  case Safety::manual:
    return "A person has to do this: no statement can.";
  }
  return "";
}

std::string plural(std::int64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", base::human_count(count), count == 1 ? one : many);
}

int overall_score(const Report& report) {
  int sum = 0;
  int areas = 0;
  int weakest = 100;
  for (int i = 0; i < kAreaCount; ++i) {
    const int score = score_of(report, static_cast<Area>(i));
    if (score < 0) continue;
    sum += score;
    weakest = std::min(weakest, score);
    ++areas;
  }
  return areas == 0 ? -1 : (sum / areas + weakest) / 2;
}

bool has_rules(const Report& report, Area area) {
  return std::ranges::any_of(report.rules, [area](const Rule* rule) { return rule->area == area; });
}

std::string target_text(const Report& report, std::string_view member) {
  const base::Json* const value = report.target.find(member);
  return value == nullptr || value->is_null() ? std::string() : value->to_text();
}

std::string evidence_text(std::string_view name, const base::Json& value) {
  if (value.as_object() != nullptr) {
    std::vector<std::string> parts;
    for (const auto& [member, part] : *value.as_object()) {
      parts.push_back(fmt::format("{}={}", evidence_label(member), evidence_text(member, part)));
    }
    return base::join(parts, ", ");
  }
  if (value.as_array() != nullptr) {
    std::vector<std::string> parts;
    for (const base::Json& part : *value.as_array())
      parts.push_back(evidence_text(name, part));
    const bool has_objects =
        !value.as_array()->empty() && value.as_array()->front().as_object() != nullptr;
    return base::join(parts, has_objects ? "; " : ", ");
  }
  if (value.is_null()) return "none";
  if (value.as_int() == nullptr || is_identity(name)) return value.to_text();
  return name.ends_with("bytes") ? base::human_bytes(*value.as_int())
                                 : base::human_count(*value.as_int());
}

std::string evidence_label(std::string_view name) {
  return base::replace_all(std::string(name), "_", " ");
}

std::string fix_in_short(const RuleGroup& group) {
  for (const Finding* finding : group.findings) {
    if (!finding->fix) continue;
    const Fix& fix = fix_of(*finding);
    if (fix.safety != Safety::manual && !fix.sql.empty())
      return fmt::format("fix ({}): {}", name_of(fix.safety), fix.sql.front());
    if (!fix.note.empty()) return "manual: " + fix.note;
    if (!fix.sql.empty()) return "manual: " + fix.sql.front();
  }
  return group.rule == nullptr ? std::string() : fmt::format("manual: {}", group.rule->how);
}

} // namespace pgkeep::findings
