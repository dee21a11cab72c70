#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>

#include "base/utf8.h"

namespace pgkeep::base {

namespace {

constexpr std::string_view kSpaces = " \t\n\r\v\f";
constexpr std::size_t kNearestWordMax =
    64; // Edit distance is quadratic; no name of ours is longer.

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Optimal string alignment: a swap of neighbours is one edit, for that is how people mistype.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  using Row = std::array<std::size_t, kNearestWordMax + 1>;
  Row before_last{};
  Row last{};
  Row row{};
  for (std::size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + cost});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = last;
    last = row;
  }
  return last[b.size()];
}

void wrap_paragraph(std::string_view paragraph, std::size_t width,
                    std::vector<std::string>& lines) {
  std::string line;
  std::size_t line_columns = 0;
  for (const std::string& word : split(paragraph, ' ')) {
    if (word.empty()) continue;
    const std::size_t word_columns = columns_of(word);
    if (!line.empty() && line_columns + 1 + word_columns > width) {
      lines.push_back(std::move(line));
      line.clear();
      line_columns = 0;
    }
    if (!line.empty()) {
      line += ' ';
      ++line_columns;
    }
    line += word;
    line_columns += word_columns;
  }
  lines.push_back(std::move(line));
}

} // namespace

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t start = 0;;) {
    const std::size_t end = text.find(separator, start);
    parts.emplace_back(text.substr(start, end == std::string_view::npos ? end : end - start));
    if (end == std::string_view::npos) return parts;
    start = end + 1;
  }
}

std::vector<std::string> split_words(std::string_view text) {
  constexpr std::string_view separators = ", \t\n\r\v\f";
  std::vector<std::string> words;
  for (std::size_t start = text.find_first_not_of(separators); start != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(separators, start), text.size());
    words.emplace_back(text.substr(start, end - start));
    start = text.find_first_not_of(separators, end);
  }
  return words;
}

std::string join(std::span<const std::string> items, std::string_view separator) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text += separator;
    text += items[i];
  }
  return text;
}

std::string_view trim(std::string_view text) {
  const std::size_t start = text.find_first_not_of(kSpaces);
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(kSpaces) - start + 1);
}

std::string to_lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

std::size_t find_ignoring_case(std::string_view text, std::string_view part, std::size_t from) {
  if (part.empty()) return from <= text.size() ? from : std::string_view::npos;
  const char small = lower(part.front());
  const char capital = small >= 'a' && small <= 'z' ? static_cast<char>(small - 'a' + 'A') : small;
  std::size_t next_small = text.find(small, from);
  std::size_t next_capital = capital == small ? std::string_view::npos : text.find(capital, from);
  while (true) {
    const std::size_t at = std::min(next_small, next_capital);
    if (at == std::string_view::npos || text.size() - at < part.size())
      return std::string_view::npos;
    if (std::ranges::equal(text.substr(at, part.size()), part, {}, lower, lower)) return at;
    std::size_t& next = at == next_small ? next_small : next_capital;
    next = text.find(text[at], at + 1);
  }
}

bool contains_ignoring_case(std::string_view text, std::string_view part) {
  return find_ignoring_case(text, part) != std::string_view::npos;
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  if (from.empty() || text.find(from) == std::string::npos) return text;
  std::string result;
  std::size_t start = 0;
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, start)) {
    result.append(text, start, at - start).append(to);
    start = at + from.size();
  }
  return result.append(text, start);
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  if (text.empty()) return lines;
  for (const std::string& paragraph : split(text, '\n'))
    wrap_paragraph(paragraph, width, lines);
  return lines;
}

std::size_t columns_of(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    columns += width_of(point.value);
    text.remove_prefix(point.bytes);
  }
  return columns;
}

std::string ellipsize(std::string_view text, std::size_t width) {
  if (columns_of(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::size_t columns = 0;
  std::size_t kept = 0;
  while (kept < text.size()) {
    const CodePoint point = decode_utf8(text.substr(kept));
    columns += width_of(point.value);
    if (columns > width - 1) break;
    kept += point.bytes;
  }
  return std::string(text.substr(0, kept)) + "…";
}

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    if (!point.is_valid) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
    } else if (!is_control(point.value)) {
      result += text.substr(0, point.bytes);
    } else if (point.value < 0x80) {
      result += fmt::format("\\x{:02x}", static_cast<unsigned>(point.value));
    } else {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(point.value));
    }
    text.remove_prefix(point.bytes);
  }
  return result;
}

namespace {

/// The letters that a word has, in small: bits, of which several may share one.
std::uint64_t letters_of(std::string_view word) {
  constexpr unsigned kBits = 64;
  std::uint64_t letters = 0;
  for (const char c : word)
    letters |= std::uint64_t{1} << static_cast<unsigned char>(lower(c)) % kBits;
  return letters;
}

} // namespace

std::optional<std::string> nearest(std::string_view word,
                                   std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > kNearestWordMax) return std::nullopt;
  const std::string wanted = to_lower(word);
  const std::uint64_t letters = letters_of(wanted);
  const std::size_t distance_max = wanted.size() / 3;
  std::optional<std::string> best;
  std::size_t best_distance = distance_max + 1;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kNearestWordMax) continue;
    // As many edits as one is longer than the other, at least.
    const std::size_t longer = std::max(candidate.size(), wanted.size());
    if (longer - std::min(candidate.size(), wanted.size()) >= best_distance) continue;
    // And as many as one has letters that the other lacks.
    const std::uint64_t others = letters_of(candidate);
    const int lacking =
        std::max(std::popcount(letters & ~others), std::popcount(others & ~letters));
    if (static_cast<std::size_t>(lacking) >= best_distance) continue;
    const std::size_t distance = edit_distance(wanted, to_lower(candidate));
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = std::string(candidate);
  }
  return best;
}

std::int64_t integer_or(std::string_view text, std::int64_t otherwise) {
  std::from_chars(text.data(), text.data() + text.size(), otherwise); // Unchanged where it fails.
  return otherwise;
}

double number_or(std::string_view text, double otherwise) {
  std::from_chars(text.data(), text.data() + text.size(), otherwise);
  return otherwise;
}

std::string escape_xml(std::string_view text) {
  std::string result;
  result.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    const char32_t c = point.value;
    // XML 1.0 has no way to write most control characters, nor U+FFFE and U+FFFF.
    const bool is_allowed =
        c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c != 0xFFFE && c != 0xFFFF);
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '"') {
      result += "&quot;";
    } else if (c == '\'') {
      result += "&#39;";
    } else {
      append_utf8(result, is_allowed ? c : kReplacementCharacter);
    }
    text.remove_prefix(point.bytes);
  }
  return result;
}

} // namespace pgkeep::base
