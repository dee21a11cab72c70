/// What the rules said about all files, put into a report: the worst first, then by place.
///
/// The order does not depend on who judged what, nor on when. Private to src/lint. One thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
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
  void add(const std::string& path, std::vector<Said> part);
  /// Why a rule could not look.
  void add_skipped(std::size_t rule, std::span<const std::string> reasons);
  /// Rules, findings, what passed, was skipped and was set aside by a mark. Takes all away.
  void fill(findings::Report& report, IgnoreMarks& marks);

private:
  struct Part {
    std::string path;
    std::vector<Said> said;
  };
  /// Where a finding goes, without looking at it.
  struct Key {
    int line = 0;
    int column = 0;
    std::uint32_t rule = 0;
    Said* said = nullptr;
  };
  void set_aside(findings::Report& report, IgnoreMarks& marks);
  void sort_into(findings::Report& report);

  std::span<const Chosen> chosen_;
  std::vector<Part> parts_;
  std::vector<std::vector<std::string>> skipped_; ///< By rule.
  std::vector<bool> has_found_;                   ///< By rule.
};

} // namespace pgkeep::lint
