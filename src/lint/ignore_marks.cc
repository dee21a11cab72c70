#include "lint/ignore_marks.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::lint {

using findings::Finding;

void IgnoreMarks::add(const Script& script) {
  for (const Section& section : script.sections()) {
    for (const Statement& statement : section.statements) {
      for (const IgnoreMark& mark : statement.ignores) {
        const Script::Place place = script.place_of(mark.offset);
        marks_.try_emplace(script.path()); // Findings of the script are looked at by its path.
        marks_[std::string(place.path)].push_back(
            {.rule = mark.rule,
             .reason = mark.reason,
             .from = script.place_of(std::min(mark.offset, statement.begin)).line,
             .to = script.place_of(statement.end).line,
             .place = place,
             .source_line = std::string(script.line_at(place))});
      }
    }
  }
}

std::optional<std::string> IgnoreMarks::reason_of(const Finding& finding,
                                                  const findings::Rule* card) {
  const auto found = marks_.find(finding.file);
  if (found == marks_.end()) return std::nullopt;
  const std::vector<std::string> aliases =
      card == nullptr ? std::vector<std::string>{} : base::split_words(card->aliases);
  for (Mark& each : found->second) {
    if (finding.line < each.from || finding.line > each.to || each.reason.empty()) continue;
    if (each.rule != finding.rule && std::ranges::find(aliases, each.rule) == aliases.end())
      continue;
    each.is_used = true;
    return each.reason;
  }
  return std::nullopt;
}

std::vector<Finding> IgnoreMarks::findings() const {
  std::vector<Finding> found;
  for (const auto& [path, marks] : marks_) {
    for (const Mark& each : marks) {
      const bool has_reason = !each.reason.empty();
      if (has_reason && each.is_used) continue;
      const std::string rule = base::printable(each.rule);
      found.push_back(
          {.rule = has_reason ? "ignore-unused" : "ignore-without-reason",
           .severity = has_reason ? findings::Severity::info : findings::Severity::warning,
           .message = has_reason ? fmt::format("{} is ignored here and says nothing", rule)
                                 : fmt::format("{} is ignored without a reason", rule),
           .evidence = base::Json{{"rule", each.rule}},
           .fix = findings::Fix{.note = has_reason ? "Take the comment out."
                                                   : "Write why: -- pgkeep:ignore RULE: reason"},
           .file = path,
           .line = each.place.line,
           .column = each.place.column,
           .source_line = each.source_line});
    }
  }
  return found;
}

} // namespace pgkeep::lint
