/// UTF-8, one code point at a time: private to base, shared by text and JSON.
///
/// Thread-safety: pure. Source: Unicode standard, table 3-7 (well-formed byte sequences): no
/// overlong forms, no surrogates, nothing above U+10FFFF. Widths: Unicode EastAsianWidth (W and F
/// count two) and categories Mn, Me, Cf (none), shortened to the blocks that texts of databases are
/// likely to hold.
#pragma once

#include <string>
#include <string_view>

namespace pgkeep::base {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

struct CodePoint {
  char32_t value = kReplacementCharacter;
  std::size_t bytes = 1; ///< How many bytes it took; always one where they are no UTF-8.
  bool is_valid = false;
};

/// The first code point of a text that is not empty.
CodePoint decode_utf8(std::string_view text) noexcept;
void append_utf8(std::string& out, char32_t value);
/// Columns on a terminal: 0, 1 or 2.
std::size_t width_of(char32_t value) noexcept;
/// Steers a terminal, breaks a line or reorders what is shown: C0, DEL, C1, line separators and
/// bidirectional controls.
bool is_control(char32_t value) noexcept;

} // namespace pgkeep::base
