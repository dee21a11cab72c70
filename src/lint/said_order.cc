// Findings are big: keys are sorted, file by file, and each finding is moved once, to its place, or
// not at all where it was written already.
#include "lint/said_order.h"

#include <algorithm>
#include <array>
#include <ranges>
#include <tuple>
#include <utility>

namespace pgkeep::lint {

using findings::Report;
using findings::Severity;

SaidOrder::SaidOrder(std::span<const Chosen> chosen)
    : chosen_(chosen), skipped_(chosen.size()), has_found_(chosen.size()) {}

void SaidOrder::add(const std::string& path, SaidOfFile part) {
  if (part.said.empty() && part.written.empty()) return;
  for (const Said& each : part.said)
    has_found_[each.rule] = true;
  for (const SaidWritten& each : part.written)
    has_found_[each.rule] = true;
  parts_.push_back({.path = path, .verdict = std::move(part)});
}

void SaidOrder::add_skipped(std::size_t rule, std::span<const std::string> reasons) {
  skipped_[rule].insert(skipped_[rule].end(), reasons.begin(), reasons.end());
}

void SaidOrder::fill(Report& report, IgnoreMarks& marks, findings::FindingWriter* writer) {
  for (std::size_t rule = 0; rule < chosen_.size(); ++rule) {
    const findings::Rule* const card = chosen_[rule].card;
    report.rules.push_back(card);
    for (std::string& reason : skipped_[rule])
      report.skipped.push_back({std::string(card->id), std::move(reason)});
    if (skipped_[rule].empty() && !has_found_[rule]) report.passed.emplace_back(card->id);
  }
  set_aside(report, marks);
  for (findings::Finding& each : marks.findings()) {
    std::string path = each.file;
    // Behind what rules say at the same place.
    const auto last = static_cast<std::uint32_t>(chosen_.size());
    Part& part = parts_.emplace_back(std::move(path));
    part.verdict.said.push_back({.finding = std::move(each), .rule = last});
  }
  if (writer != nullptr) write_kept(*writer);
  KeysBySeverity sorted = sorted_keys();
  std::ranges::reverse(sorted);
  const std::size_t count = sorted[0].size() + sorted[1].size() + sorted[2].size();
  if (writer == nullptr) {
    report.findings.reserve(count);
    for (const Key& key : sorted | std::views::join)
      report.findings.push_back(std::move(*key.finding));
  } else {
    report.written.list.reserve(count);
    for (const Key& key : sorted | std::views::join)
      report.written.list.push_back(key.json);
    report.written.counts = {.error = static_cast<int>(sorted[0].size()),
                             .warning = static_cast<int>(sorted[1].size()),
                             .info = static_cast<int>(sorted[2].size())};
  }
  parts_.clear();
}

void SaidOrder::set_aside(Report& report, IgnoreMarks& marks) {
  std::vector<std::pair<std::uint32_t, findings::SetAside>> found;
  for (Part& part : parts_) {
    if (!marks.has_any(part.path)) continue;
    std::erase_if(part.verdict.said, [&](Said& each) {
      auto reason = marks.reason_of(each.finding, chosen_[each.rule].card);
      if (!reason) return false;
      found.push_back({each.rule, {std::move(each.finding), *std::move(reason)}});
      return true;
    });
  }
  std::ranges::stable_sort(found, {}, [](const auto& each) { return each.first; });
  for (auto& [rule, aside] : found)
    report.set_aside.push_back(std::move(aside));
}

const findings::Rule* SaidOrder::card_of(const Said& said) const {
  if (said.rule < chosen_.size()) return chosen_[said.rule].card;
  const auto found = std::ranges::find(chosen_, said.finding.rule,
                                       [](const Chosen& each) { return each.card->id; });
  return found == chosen_.end() ? nullptr : found->card;
}

/// What marks had a say in.
void SaidOrder::write_kept(findings::FindingWriter& writer) {
  for (Part& part : parts_) {
    for (const Said& each : part.verdict.said)
      part.verdict.written.push_back({.json = writer.write(each.finding, card_of(each)),
                                      .line = each.finding.line,
                                      .column = each.finding.column,
                                      .rule = each.rule,
                                      .severity = *each.finding.severity});
    part.verdict.said.clear();
  }
}

std::size_t SaidOrder::count_of(Severity severity) const {
  std::ptrdiff_t count = 0;
  for (const Part& part : parts_) {
    count += std::ranges::count(part.verdict.written, severity, &SaidWritten::severity);
    count += std::ranges::count_if(
        part.verdict.said, [&](const Said& each) { return each.finding.severity == severity; });
  }
  return static_cast<std::size_t>(count);
}

SaidOrder::KeysBySeverity SaidOrder::sorted_keys() {
  std::ranges::stable_sort(parts_, {}, &Part::path);
  KeysBySeverity by_severity;
  for (std::size_t severity = 0; severity < by_severity.size(); ++severity)
    by_severity[severity].reserve(count_of(static_cast<Severity>(severity)));
  for (std::size_t i = 0; i < parts_.size();) {
    const std::string& path = parts_[i].path;
    std::array<std::size_t, 3> begins{};
    for (std::size_t severity = 0; severity < begins.size(); ++severity)
      begins[severity] = by_severity[severity].size();
    for (; i < parts_.size() && parts_[i].path == path; ++i) {
      for (auto& [finding, rule] : parts_[i].verdict.said)
        by_severity[std::to_underlying(*finding.severity)].push_back(
            {finding.line, finding.column, rule, &finding});
      for (const SaidWritten& each : parts_[i].verdict.written)
        by_severity[std::to_underlying(each.severity)].push_back(
            {.line = each.line, .column = each.column, .rule = each.rule, .json = each.json});
    }
    for (std::size_t severity = 0; severity < begins.size(); ++severity)
      std::ranges::stable_sort(
          std::span(by_severity[severity]).subspan(begins[severity]), {},
          [](const Key& key) { return std::tuple(key.line, key.column, key.rule); });
  }
  return by_severity;
}

} // namespace pgkeep::lint
