// What a Script says of its text as it stands in files: places, lines, and what only psql reads.
#include <algorithm>

#include "base/utf8.h"
#include "lint/script.h"

namespace pgkeep::lint {

/// psql's own commands and the data of COPY ... FROM stdin are no SQL: they become blanks, so that
/// every place stays where it is.
void Script::take_out_psql_parts() {
  if (text_.find('\\') == std::string::npos) return;
  psql_parts_ = psql_parts_of(text_);
  std::erase_if(psql_parts_,
                [](const PsqlPart& part) { return part.kind == PsqlPartKind::variable; });
  for (const PsqlPart& part : psql_parts_) {
    const auto begin = text_.begin() + static_cast<std::ptrdiff_t>(part.begin);
    const auto end = text_.begin() + static_cast<std::ptrdiff_t>(part.end);
    if (part.kind == PsqlPartKind::data) {
      const std::string_view lines(begin, end);
      copy_data_.emplace_back(lines.substr(0, lines.rfind("\\.")));
    }
    std::replace_if(begin, end, [](char c) { return c != '\n'; }, ' ');
  }
}

std::string_view Script::line_at(const Place& place) const {
  std::string_view whole = text_;
  std::size_t begin = 0;
  if (origins_ == nullptr) {
    if (place.line < 1 || static_cast<std::size_t>(place.line) > line_starts_.size()) return {};
    begin = line_starts_[static_cast<std::size_t>(place.line) - 1];
  } else {
    whole = origins_->file_at(place.path).text;
    for (int line = 1; line < place.line && begin < whole.size(); ++line)
      begin = std::min(whole.find('\n', begin), whole.size() - 1) + 1;
  }
  std::string_view found =
      whole.substr(begin, std::min(whole.find('\n', begin), whole.size()) - begin);
  if (found.ends_with('\r')) found.remove_suffix(1);
  return found;
}

Script::Place Script::place_of(std::size_t offset) const {
  std::string_view path = path_;
  std::string_view whole = text_;
  std::size_t begin = 0;
  std::size_t line = 1;
  if (origins_ == nullptr) {
    offset = std::min(offset, text_.size());
    const auto after = std::ranges::upper_bound(line_starts_, offset);
    line = static_cast<std::size_t>(after - line_starts_.begin());
    begin = line_starts_[line - 1];
  } else {
    const Origins::Spot spot = origins_->spot_of(offset);
    path = spot.file->path;
    whole = spot.file->text;
    offset = std::min(spot.offset, whole.size());
    const std::string_view before = whole.substr(0, offset);
    line += static_cast<std::size_t>(std::ranges::count(before, '\n'));
    begin = before.rfind('\n') + 1; // From 0 where there is none.
  }
  Place place{.path = path, .line = static_cast<int>(line), .column = 1};
  const std::string_view before = whole.substr(begin, offset - begin);
  if (std::ranges::all_of(before, [](unsigned char c) { return c < 0x80; })) {
    place.column += static_cast<int>(before.size());
    return place;
  }
  for (std::size_t at = begin; at < offset; ++place.column)
    at += std::max<std::size_t>(base::decode_utf8(whole.substr(at)).bytes, 1);
  return place;
}

std::string Script::shown(std::size_t begin, std::size_t end) const {
  if (origins_ != nullptr) return origins_->shown(begin, end);
  std::string out = text_.substr(begin, end - begin);
  std::size_t number = 0;
  for (const PsqlPart& part : psql_parts_) {
    if (part.kind != PsqlPartKind::data) continue;
    const std::string lines = copy_data_[number++] + "\\.";
    if (part.begin >= begin && part.end <= end)
      out.replace(part.begin - begin, lines.size(), lines);
  }
  return out;
}

std::optional<std::string_view> Script::data_of(const Statement& statement) const {
  const auto next = [&] {
    for (const Section& section : sections_) {
      for (const Statement& each : section.statements) {
        if (each.begin > statement.begin) return each.begin;
      }
    }
    return text_.size();
  }();
  std::size_t number = 0;
  for (const PsqlPart& part : psql_parts_) {
    if (part.kind != PsqlPartKind::data) continue;
    if (part.begin >= statement.end && part.begin < next + 1) return copy_data_[number];
    ++number;
  }
  return {};
}

} // namespace pgkeep::lint
