/// What rules about text say, and where it goes.
///
/// Private to src/lint. A record and its sinks belong to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "findings/finding.h"
#include "findings/rule.h"
#include "findings/written.h"
#include "lint/script.h"

namespace pgkeep::lint {

/// What a rule says about a file.
struct Said {
  findings::Finding finding;
  std::uint32_t rule = 0; ///< Its place among those that were chosen.
};

/// The same where it was written at once (Options::writes_json): what its place depends on.
struct SaidWritten {
  const findings::WrittenFinding* json = nullptr;
  int line = 0;
  int column = 0;
  std::uint32_t rule = 0;
  findings::Severity severity = findings::Severity::info;
};

/// What rules say about one file: of each finding one of the two.
struct SaidOfFile {
  std::vector<Said> said = {};
  std::vector<SaidWritten> written = {};
};

/// Of one thread: what rules say to it.
class TextRecord {
public:
  /// The cards of the chosen rules, by their places.
  TextRecord(std::vector<const findings::Rule*> cards, bool writes_json);

  /// What is said from here on is about this file.
  void begin(const Script& script);
  /// What was said since begin().
  SaidOfFile end();
  void add(std::size_t rule, const Script& script, std::size_t offset, findings::Finding finding);
  /// The same reason is kept once.
  void skip(std::size_t rule, std::string reason);

  /// Why a rule could not look.
  [[nodiscard]] const std::vector<std::string>& skipped(std::size_t rule) const {
    return skipped_[rule];
  }
  /// Has what was said in writing; none where findings are kept.
  [[nodiscard]] std::optional<findings::FindingWriter>& writer() { return writer_; }

private:
  std::vector<const findings::Rule*> cards_;
  std::optional<findings::FindingWriter> writer_;
  bool keeps_findings_ = true; ///< Of the file at hand, in place of writing them.
  SaidOfFile said_;
  std::size_t written_last_ = 0; ///< How much there was to say of the file before.
  std::vector<std::vector<std::string>> skipped_;
};

/// Collects what one rule says; each finding gets the file, line and column of its offset.
class TextSink {
public:
  TextSink(const Script& script, TextRecord& record, std::size_t rule)
      : script_(script), record_(record), rule_(rule) {}
  void add(std::size_t offset, findings::Finding finding) {
    record_.add(rule_, script_, offset, std::move(finding));
  }
  /// The rule could not look: it does not count as passed.
  void skip(std::string reason) { record_.skip(rule_, std::move(reason)); }

private:
  const Script& script_;
  TextRecord& record_;
  std::size_t rule_;
};

} // namespace pgkeep::lint
