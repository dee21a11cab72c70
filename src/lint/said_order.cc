// Findings are big: keys are sorted, file by file, and each finding is moved once, to its place.
#include "lint/said_order.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>
#include <utility>

namespace pgkeep::lint {

using findings::Report;

SaidOrder::SaidOrder(std::span<const Chosen> chosen)
    : chosen_(chosen), skipped_(chosen.size()), has_found_(chosen.size()) {}

void SaidOrder::add(const std::string& path, std::vector<Said> part) {
  if (part.empty()) return;
  for (const Said& each : part)
    has_found_[each.rule] = true;
  parts_.push_back({.path = path, .said = std::move(part)});
}

void SaidOrder::add_skipped(std::size_t rule, std::span<const std::string> reasons) {
  skipped_[rule].insert(skipped_[rule].end(), reasons.begin(), reasons.end());
}

void SaidOrder::fill(Report& report, IgnoreMarks& marks) {
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
    parts_.push_back({.path = std::move(path), .said = {}});
    parts_.back().said.push_back({.finding = std::move(each), .rule = last});
  }
  sort_into(report);
}

void SaidOrder::set_aside(Report& report, IgnoreMarks& marks) {
  std::vector<std::pair<std::uint32_t, findings::SetAside>> found;
  for (Part& part : parts_) {
    if (!marks.has_any(part.path)) continue;
    std::erase_if(part.said, [&](Said& each) {
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

void SaidOrder::sort_into(Report& report) {
  std::vector<std::size_t> places(parts_.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::ranges::stable_sort(
      places, {}, [&](std::size_t place) -> const std::string& { return parts_[place].path; });
  std::array<std::vector<Key>, 3> by_severity;
  std::size_t count = 0;
  for (std::size_t i = 0; i < places.size();) {
    const std::string& path = parts_[places[i]].path;
    std::array<std::size_t, 3> begins{};
    for (std::size_t severity = 0; severity < begins.size(); ++severity)
      begins[severity] = by_severity[severity].size();
    for (; i < places.size() && parts_[places[i]].path == path; ++i) {
      for (Said& each : parts_[places[i]].said) {
        by_severity[std::to_underlying(*each.finding.severity)].push_back(
            {each.finding.line, each.finding.column, each.rule, &each});
        ++count;
      }
    }
    for (std::size_t severity = 0; severity < begins.size(); ++severity)
      std::ranges::stable_sort(
          std::span(by_severity[severity]).subspan(begins[severity]), {},
          [](const Key& key) { return std::tuple(key.line, key.column, key.rule); });
  }
  report.findings.reserve(report.findings.size() + count);
  for (auto keys = by_severity.rbegin(); keys != by_severity.rend(); ++keys) {
    for (const Key& key : *keys)
      report.findings.push_back(std::move(key.said->finding));
  }
  parts_.clear();
}

} // namespace pgkeep::lint
