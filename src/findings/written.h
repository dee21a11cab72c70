/// Findings as the report in JSON has them, each written where it is found: of a hundred thousand
/// of them nothing else is held, and threads that judge share the writing.
///
/// Not for reports in other words: those need the findings. Threads: a FindingWriter belongs to
/// one; what it has written stays where it is, and any may read it.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/json.h"
#include "findings/finding.h"
#include "findings/rule.h"

namespace pgkeep::findings {

/// As it stands in the list of findings, with the line break before it. As valid as the writer.
struct WrittenFinding {
  /// What begins all findings of a rule, what this one is about, its fix (mostly that of the rule's
  /// finding before: a third of the text, kept once), where it is.
  std::array<std::string_view, 4> parts = {};
};

class FindingWriter {
public:
  FindingWriter();
  /// `rule` is the finding's; null where the report does not list it.
  const WrittenFinding* write(const Finding& finding, const Rule* rule);

private:
  /// What findings of one rule and severity share.
  struct Shared {
    base::JsonWriter beginning;
    std::optional<Fix> fix = {}; ///< Of the last one, and as it was written.
    std::string_view written_fix = {};
  };

  Shared& shared_by(Severity severity, const Rule& rule);
  /// Room that stays where it is, for bytes and for what has no destructor.
  char* take(std::size_t bytes);

  base::JsonWriter place_; ///< In the list, nothing written.
  base::JsonWriter out_;
  Shared of_no_rule_; ///< Nothing is shared.
  std::unordered_map<const Rule*, std::array<std::optional<Shared>, 3>> shared_; ///< By severity.
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
  std::size_t kept_ = 0; ///< Bytes of all blocks.
};

} // namespace pgkeep::findings
