#include "base/utf8.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace pgkeep::base {

namespace {

struct Range {
  char32_t first;
  char32_t last;
};

constexpr Range kNoWidth[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489},   {0x0591, 0x05BD}, {0x0610, 0x061A}, {0x064B, 0x065F},
    {0x06D6, 0x06DC}, {0x093C, 0x093C},   {0x0941, 0x0948}, {0x094D, 0x094D}, {0x0E31, 0x0E31},
    {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E},   {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F},
    {0x2028, 0x202E}, {0x2060, 0x2069},   {0x20D0, 0x20F0}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
    {0xFEFF, 0xFEFF}, {0xE0000, 0xE01EF},
};
constexpr Range kDoubleWidth[] = {
    {0x1100, 0x115F},   {0x231A, 0x231B},   {0x2329, 0x232A},   {0x23E9, 0x23EC},
    {0x25FD, 0x25FE},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x26A1, 0x26A1},
    {0x2705, 0x2705},   {0x274C, 0x274C},   {0x2753, 0x2755},   {0x2757, 0x2757},
    {0x2795, 0x2797},   {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},   {0x2E80, 0x303E},
    {0x3041, 0xA4CF},   {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},
    {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x1F004, 0x1F004},
    {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A}, {0x1F200, 0x1F320}, {0x1F32D, 0x1F335},
    {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393}, {0x1F3A0, 0x1F3CA}, {0x1F3E0, 0x1F3F0},
    {0x1F3F8, 0x1F43E}, {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D},
    {0x1F550, 0x1F567}, {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5}, {0x1F6D0, 0x1F6FC},
    {0x1F7E0, 0x1F7EB}, {0x1F90C, 0x1FAFF}, {0x20000, 0x3FFFD},
};
static_assert(std::is_sorted(std::begin(kNoWidth), std::end(kNoWidth),
                             [](Range a, Range b) { return a.last < b.first; }));
static_assert(std::is_sorted(std::begin(kDoubleWidth), std::end(kDoubleWidth),
                             [](Range a, Range b) { return a.last < b.first; }));

template <std::size_t N>
bool holds(const Range (&ranges)[N], char32_t value) noexcept {
  const Range* found =
      std::lower_bound(std::begin(ranges), std::end(ranges), value,
                       [](const Range& range, char32_t wanted) { return range.last < wanted; });
  return found != std::end(ranges) && value >= found->first;
}

} // namespace

CodePoint decode_utf8(std::string_view text) noexcept {
  const auto byte = [text](std::size_t index) { return static_cast<std::uint8_t>(text[index]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return {.value = lead, .bytes = 1, .is_valid = true};
  std::size_t length = 0;
  char32_t value = 0;
  char32_t least = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2, value = lead & 0x1FU, least = 0x80;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3, value = lead & 0x0FU, least = 0x800;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4, value = lead & 0x07U, least = 0x10000;
  }
  if (length == 0 || text.size() < length) return {};
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    value = value << 6U | (byte(i) & 0x3FU);
  }
  const bool is_surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < least || value > 0x10FFFF || is_surrogate) return {};
  return {.value = value, .bytes = length, .is_valid = true};
}

void append_utf8(std::string& out, char32_t value) {
  const auto push = [&out](char32_t bits) {
    out.push_back(static_cast<char>(static_cast<std::uint8_t>(bits)));
  };
  if (value < 0x80) {
    push(value);
  } else if (value < 0x800) {
    push(0xC0U | value >> 6U);
    push(0x80U | (value & 0x3FU));
  } else if (value < 0x10000) {
    push(0xE0U | value >> 12U);
    push(0x80U | (value >> 6U & 0x3FU));
    push(0x80U | (value & 0x3FU));
  } else {
    push(0xF0U | value >> 18U);
    push(0x80U | (value >> 12U & 0x3FU));
    push(0x80U | (value >> 6U & 0x3FU));
    push(0x80U | (value & 0x3FU));
  }
}

std::size_t width_of(char32_t value) noexcept {
  if (is_control(value) || holds(kNoWidth, value)) return 0;
  return holds(kDoubleWidth, value) ? 2 : 1;
}

bool is_control(char32_t value) noexcept {
  if (value < 0x20 || (value >= 0x7F && value <= 0x9F)) return true;
  return value == 0x061C || value == 0x200E || value == 0x200F ||
         (value >= 0x2028 && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069);
}

} // namespace pgkeep::base
