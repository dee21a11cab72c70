/// What the rules said about all files, put into a report: the worst first, then by place.
///
/// The order does not depend on who judged what, nor on when. Private to src/lint. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "findings/report.h"
#include "lint/chosen.h"
#include "lint/ignore_marks.h"

namespace pgkeep::lint {

class SaidOrder {
public:
  /// The list must outlive it.
  explicit SaidOrder(std::span<const Chosen> chosen);

  /// Of one file, in any number of parts; what one rule says stands in one of them, in its order.
  void add(const std::string& path, SaidOfFile part);
  /// Why a rule could not look: of each thread. The same reason counts once.
  void add_skipped(std::size_t rule, std::span<const std::string> reasons);
  /// Rules, findings, what passed, was skipped and was set aside by a mark. Takes all away. With a
  /// writer all findings are in writing then.
  void fill(findings::Report& report, IgnoreMarks& marks, findings::FindingWriter* writer);

private:
  struct Part {
    std::string path;
    SaidOfFile verdict;
  };
  /// Where a finding goes among those of its file, without looking at it: by line, column, rule.
  template <typename What>
  struct Key {
    std::uint64_t place = 0;
    What* what = nullptr;
  };
  template <typename What>
  using KeysBySeverity = std::array<std::vector<Key<What>>, 3>;

  void set_aside(findings::Report& report, IgnoreMarks& marks);
  void write_kept(findings::FindingWriter& writer);
  [[nodiscard]] const findings::Rule* card_of(const Said& said) const;
  [[nodiscard]] std::size_t count_of(findings::Severity severity) const;
  template <typename What>
  void add_keys(SaidOfFile& said, KeysBySeverity<What>& keys);
  /// The worst first.
  template <typename What>
  KeysBySeverity<What> sorted_keys();

  std::span<const Chosen> chosen_;
  std::vector<Part> parts_;
  std::vector<std::vector<std::string>> skipped_; ///< By rule.
  std::vector<bool> has_found_;                   ///< By rule.
};

} // namespace pgkeep::lint
