/// Text for a terminal of a known width: indents, wraps, aligns to the right and paints. Private to
/// findings.
///
/// No line is wider than the terminal, whatever the words are, except those given to verbatim().
/// Everything that is given is made printable first: names from a database cannot move the cursor
/// or forge a line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "findings/finding.h"

namespace pgkeep::findings {

enum class Style : std::uint8_t { plain, bold, dim, error, warning, info, good };
Style style_of(Severity severity);

class TerminalText {
public:
  TerminalText(int columns, bool colour);
  /// One line, cut with an ellipsis where it is too long.
  void line(std::size_t indent, std::string_view text, Style style = Style::plain);
  /// As many lines as it takes.
  void paragraph(std::size_t indent, std::string_view text, Style style = Style::plain);
  /// The label, then the text; the lines that follow stand under the text.
  void labelled(std::size_t indent, std::string_view label, Style label_style,
                std::string_view text, Style style = Style::plain);
  /// One line with something at the right edge; where both do not fit, the left part is cut.
  void line_with_right(std::size_t indent, std::string_view left, Style left_style,
                       std::string_view right, Style right_style);
  /// The label, then the text in the same line, and something dim at the right edge. Nothing is
  /// cut: where they do not fit, the line is longer.
  void labelled_with_right(std::size_t indent, std::string_view label, Style label_style,
                           std::string_view text, Style style, std::string_view right);
  /// As it is, for what a person copies: may be wider than the terminal. Each line of the text is a
  /// line; tabs stay.
  void verbatim(std::size_t indent, std::string_view text);
  void blank();
  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] std::string take() { return std::move(out_); }

private:
  void put(std::size_t indent, std::string_view printable, Style style);
  [[nodiscard]] std::string paint(std::string_view printable, Style style) const;

  std::size_t columns_;
  bool colour_;
  std::string out_;
};

/// Wraps at spaces, and cuts words that are longer than a line.
std::vector<std::string> fill_lines(std::string_view text, std::size_t width);

} // namespace pgkeep::findings
