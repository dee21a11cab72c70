// Longest common subsequence of what remains between the lines that both share in front and behind;
// texts that differ in more than a few thousand lines are shown as removed and added.
#include "migrate/text_diff.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::migrate {
namespace {

using Lines = std::vector<std::string>;
constexpr std::size_t kCompareMax = 2'000;
constexpr std::size_t kContext = 2;

struct Line {
  char sign = ' ';
  std::string text;
};

Lines lines_of(std::string_view text) {
  Lines lines = base::split(text, '\n');
  for (std::string& line : lines) {
    if (line.ends_with('\r')) line.pop_back();
  }
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

void add_all(std::vector<Line>& out, char sign, std::span<const std::string> lines) {
  for (const std::string& line : lines)
    out.push_back({sign, line});
}

/// lengths[i][j]: of the common subsequence of before[i...] and after[j...].
void compare(std::span<const std::string> before, std::span<const std::string> after,
             std::vector<Line>& out) {
  if (before.size() > kCompareMax || after.size() > kCompareMax) {
    add_all(out, '-', before);
    add_all(out, '+', after);
    return;
  }
  const std::size_t width = after.size() + 1;
  std::vector<std::uint16_t> lengths((before.size() + 1) * width);
  for (std::size_t i = before.size(); i-- > 0;) {
    for (std::size_t j = after.size(); j-- > 0;) {
      const auto longer = std::max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
      lengths[i * width + j] =
          before[i] == after[j] ? static_cast<std::uint16_t>(lengths[(i + 1) * width + j + 1] + 1)
                                : longer;
    }
  }
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < before.size() && j < after.size()) {
    if (before[i] == after[j]) {
      out.push_back({' ', before[i]});
      ++i;
      ++j;
    } else if (lengths[(i + 1) * width + j] >= lengths[i * width + j + 1]) {
      out.push_back({'-', before[i++]});
    } else {
      out.push_back({'+', after[j++]});
    }
  }
  add_all(out, '-', before.subspan(i));
  add_all(out, '+', after.subspan(j));
}

} // namespace

std::string text_diff(std::string_view before, std::string_view after, int lines_max) {
  const Lines old_lines = lines_of(before);
  const Lines new_lines = lines_of(after);
  const std::size_t shorter = std::min(old_lines.size(), new_lines.size());
  std::size_t front = 0;
  while (front < shorter && old_lines[front] == new_lines[front])
    ++front;
  std::size_t back = 0;
  while (back < shorter - front &&
         old_lines[old_lines.size() - 1 - back] == new_lines[new_lines.size() - 1 - back])
    ++back;
  std::vector<Line> all;
  const std::size_t context = std::min(front, kContext);
  add_all(all, ' ', std::span(old_lines).subspan(front - context, context));
  compare(std::span(old_lines).subspan(front, old_lines.size() - front - back),
          std::span(new_lines).subspan(front, new_lines.size() - front - back), all);
  add_all(all, ' ',
          std::span(old_lines).subspan(old_lines.size() - back, std::min(back, kContext)));
  std::string out = fmt::format("@@ line {} @@\n", front + 1 - context);
  int shown = 0;
  for (const Line& line : all) {
    if (shown++ == lines_max)
      return out + fmt::format("... and {} more lines\n",
                               all.size() - static_cast<std::size_t>(lines_max));
    out += fmt::format("{}{}\n", line.sign, base::printable(line.text));
  }
  return out;
}

} // namespace pgkeep::migrate
