// Findings are big: keys are sorted, file by file, and each finding is moved once, to its place, or
// not at all where it was written already.
#include "lint/said_order.h"

#include <algorithm>
#include <array>
#include <ranges>
#include <type_traits>
#include <utility>

#include "lint/rule_set.h"

namespace pgkeep::lint {

using findings::Report;
using findings::Severity;

namespace {

/// In one number, as places are compared.
std::uint64_t place_of(int line, int column, std::uint32_t rule) {
  constexpr unsigned kRuleBits = 10;   // As many as there may be (RuleSet), and one more.
  constexpr unsigned kColumnBits = 27; // No file is so large that lines or columns need more.
  static_assert(RuleSet::kRulesMax < 1U << kRuleBits);
  const auto part = [](int value) { return static_cast<std::uint64_t>(std::max(value, 0)); };
  return (part(line) << kColumnBits | part(column)) << kRuleBits | rule;
}

} // namespace

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
  std::vector<std::string>& all = skipped_[rule];
  all.insert(all.end(), reasons.begin(), reasons.end());
  std::ranges::sort(all);
  const auto repeated = std::ranges::unique(all);
  all.erase(repeated.begin(), repeated.end());
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
  if (writer == nullptr) {
    for (std::vector<Key<findings::Finding>>& keys : sorted_keys<findings::Finding>()) {
      for (const auto& key : keys)
        report.findings.push_back(std::move(*key.what));
    }
  } else {
    const auto sorted = sorted_keys<const findings::WrittenFinding>();
    report.written.list.reserve(sorted[0].size() + sorted[1].size() + sorted[2].size());
    for (const auto& key : sorted | std::views::join)
      report.written.list.push_back(key.what);
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

template <typename What>
void SaidOrder::add_keys(SaidOfFile& said, KeysBySeverity<What>& keys) {
  const auto of = [&](Severity severity) -> std::vector<Key<What>>& {
    return keys[keys.size() - 1 - std::to_underlying(severity)];
  };
  if constexpr (std::is_same_v<What, findings::Finding>) {
    for (auto& [finding, rule] : said.said)
      of(*finding.severity).push_back({place_of(finding.line, finding.column, rule), &finding});
  } else {
    for (const SaidWritten& each : said.written)
      of(each.severity).push_back({place_of(each.line, each.column, each.rule), each.json});
  }
}

template <typename What>
SaidOrder::KeysBySeverity<What> SaidOrder::sorted_keys() {
  std::ranges::stable_sort(parts_, {}, &Part::path);
  KeysBySeverity<What> all;
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i].reserve(count_of(static_cast<Severity>(all.size() - 1 - i)));
  for (auto part = parts_.begin(); part != parts_.end();) {
    const std::string& path = part->path;
    std::array<std::size_t, 3> begins{};
    std::ranges::transform(all, begins.begin(), [](const auto& keys) { return keys.size(); });
    for (; part != parts_.end() && part->path == path; ++part)
      add_keys(part->verdict, all);
    for (std::size_t i = 0; i < all.size(); ++i)
      std::ranges::stable_sort(std::span(all[i]).subspan(begins[i]), {}, &Key<What>::place);
  }
  return all;
}

} // namespace pgkeep::lint
