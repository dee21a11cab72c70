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
  std::string_view beginning = {}; ///< Written once for all findings of a rule.
  std::string_view rest = {};
};

class FindingWriter {
public:
  FindingWriter();
  /// `rule` is the finding's; null where the report does not list it.
  WrittenFinding write(const Finding& finding, const Rule* rule);

private:
  /// Of a rule, by severity: what its findings begin with.
  using Beginnings = std::array<std::optional<base::JsonWriter>, 3>;

  const base::JsonWriter& beginning_of(Severity severity, const Rule& rule);
  std::string_view keep(std::string_view bytes);

  base::JsonWriter place_; ///< In the list, nothing written.
  base::JsonWriter out_;
  std::unordered_map<const Rule*, Beginnings> beginnings_;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
  std::size_t kept_ = 0; ///< Bytes of all blocks.
};

} // namespace pgkeep::findings
