/// What "-- pgkeep:ignore RULE: reason" sets aside, over all files; and which marks had no reason
/// or nothing to do. Private to src/lint. One thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "findings/report.h"
#include "lint/script.h"

namespace pgkeep::lint {

class IgnoreMarks {
public:
  void add(const Script& script);
  /// The reason, where a mark covers the finding; the mark counts as used. `card` may be null.
  std::optional<std::string> reason_of(const findings::Finding& finding,
                                       const findings::Rule* card);
  /// Whether the file has marks at all.
  [[nodiscard]] bool has_any(const std::string& path) const { return marks_.contains(path); }
  /// Findings ignore-unused and ignore-without-reason, by path.
  [[nodiscard]] std::vector<findings::Finding> findings() const;

private:
  struct Mark {
    std::string rule;
    std::string reason;
    int from = 0; ///< Lines that it covers.
    int to = 0;
    Script::Place place;
    std::string source_line;
    bool is_used = false;
  };
  std::map<std::string, std::vector<Mark>, std::less<>> marks_; ///< By path.
};

} // namespace pgkeep::lint
