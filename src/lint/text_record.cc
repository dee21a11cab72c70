#include "lint/text_record.h"

#include <algorithm>
#include <utility>

namespace pgkeep::lint {

TextRecord::TextRecord(std::vector<const findings::Rule*> cards, bool writes_json)
    : cards_(std::move(cards)), skipped_(cards_.size()) {
  if (writes_json) writer_.emplace();
}

void TextRecord::begin(const Script& script) {
  // A mark asks for the findings themselves.
  keeps_findings_ = !writer_ || script.has_ignore_marks();
  if (!keeps_findings_) said_.written.reserve(written_last_);
}

SaidOfFile TextRecord::end() {
  written_last_ = said_.written.size();
  return std::exchange(said_, {});
}

void TextRecord::add(std::size_t rule, const Script& script, std::size_t offset,
                     findings::Finding finding) {
  const Script::Place place = script.place_of(offset);
  const findings::Rule& card = *cards_[rule];
  const auto number = static_cast<std::uint32_t>(rule);
  finding.rule = card.id;
  if (!finding.severity) finding.severity = card.severity;
  finding.file = place.path;
  finding.line = place.line;
  finding.column = place.column;
  if (!keeps_findings_) {
    said_.written.push_back({.json = writer_->write(finding, &card),
                             .line = place.line,
                             .column = place.column,
                             .rule = number,
                             .severity = *finding.severity});
    return;
  }
  finding.source_line = script.line_at(place);
  said_.said.emplace_back(std::move(finding), number);
}

void TextRecord::skip(std::size_t rule, std::string reason) {
  std::vector<std::string>& reasons = skipped_[rule];
  if (std::ranges::find(reasons, reason) == reasons.end()) reasons.push_back(std::move(reason));
}

} // namespace pgkeep::lint
