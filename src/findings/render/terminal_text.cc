#include "findings/render/terminal_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace pgkeep::findings {
namespace {

constexpr int kColumnsMin = 40;

/// Bytes of the UTF-8 character that starts here; never more than there are.
std::size_t character_bytes(std::string_view text) {
  std::size_t bytes = 1;
  while (bytes < text.size() && (static_cast<unsigned char>(text[bytes]) & 0xC0U) == 0x80U)
    ++bytes;
  return bytes;
}

void cut_word(std::string_view word, std::size_t width, std::vector<std::string>& lines) {
  std::string piece;
  std::size_t used = 0;
  while (!word.empty()) {
    const std::string_view character = word.substr(0, character_bytes(word));
    const std::size_t columns = base::columns_of(character);
    if (used + columns > width && !piece.empty()) {
      lines.push_back(std::move(piece));
      piece.clear();
      used = 0;
    }
    piece += character;
    used += columns;
    word.remove_prefix(character.size());
  }
  if (!piece.empty()) lines.push_back(std::move(piece));
}

std::string_view code_of(Style style) {
  switch (style) {
  case Style::plain:
    return "";
  case Style::bold:
    return "1";
  case Style::dim:
    return "2";
  case Style::error:
    return "1;31";
  case Style::warning:
    return "1;33";
  case Style::info:
    return "36";
  case Style::good:
    return "32";
  }
  return "";
}

} // namespace

Style style_of(Severity severity) {
  if (severity == Severity::error) return Style::error;
  return severity == Severity::warning ? Style::warning : Style::info;
}

std::vector<std::string> fill_lines(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  for (const std::string& line : base::wrap(text, width)) {
    if (base::columns_of(line) <= width) {
      lines.push_back(line);
    } else {
      cut_word(line, width, lines);
    }
  }
  return lines;
}

TerminalText::TerminalText(int columns, bool colour)
    : columns_(static_cast<std::size_t>(std::max(columns, kColumnsMin))), colour_(colour) {}

void TerminalText::line(std::size_t indent, std::string_view text, Style style) {
  put(indent, base::ellipsize(base::printable(text), columns_ - indent), style);
}

void TerminalText::paragraph(std::size_t indent, std::string_view text, Style style) {
  for (const std::string& line : fill_lines(base::printable(text), columns_ - indent))
    put(indent, line, style);
}

void TerminalText::labelled(std::size_t indent, std::string_view label, Style label_style,
                            std::string_view text, Style style) {
  const std::size_t hanging = indent + base::columns_of(label) + 1;
  const std::vector<std::string> lines = fill_lines(base::printable(text), columns_ - hanging);
  out_ += fmt::format("{}{}", std::string(indent, ' '), paint(label, label_style));
  if (lines.empty()) {
    out_ += "\n";
    return;
  }
  out_ += fmt::format(" {}\n", paint(lines.front(), style));
  for (std::size_t i = 1; i < lines.size(); ++i)
    put(hanging, lines[i], style);
}

void TerminalText::line_with_right(std::size_t indent, std::string_view left, Style left_style,
                                   std::string_view right, Style right_style) {
  const std::string right_text = base::ellipsize(base::printable(right), columns_ / 2);
  const std::size_t right_columns = base::columns_of(right_text);
  const std::size_t room = columns_ - indent - right_columns - 2;
  const std::string left_text = base::ellipsize(base::printable(left), room);
  const std::size_t gap = columns_ - indent - base::columns_of(left_text) - right_columns;
  out_ += fmt::format("{}{}{}{}\n", std::string(indent, ' '), paint(left_text, left_style),
                      std::string(gap, ' '), paint(right_text, right_style));
}

void TerminalText::labelled_with_right(std::size_t indent, std::string_view label,
                                       Style label_style, std::string_view text, Style style,
                                       std::string_view right) {
  const std::string shown = base::printable(text);
  const std::string right_text = base::printable(right);
  const std::size_t used =
      indent + base::columns_of(label) + 1 + base::columns_of(shown) + base::columns_of(right_text);
  const std::size_t gap = used < columns_ ? columns_ - used : 1;
  out_ += fmt::format("{}{} {}{}{}\n", std::string(indent, ' '), paint(label, label_style),
                      paint(shown, style), std::string(gap, ' '), paint(right_text, Style::dim));
}

void TerminalText::verbatim(std::size_t indent, std::string_view text) {
  for (const std::string& part : base::split(text, '\n')) {
    std::vector<std::string> pieces = base::split(part, '\t');
    for (std::string& piece : pieces)
      piece = base::printable(piece);
    put(indent, base::join(pieces, "\t"), Style::plain);
  }
}

void TerminalText::blank() {
  out_ += "\n";
}

void TerminalText::put(std::size_t indent, std::string_view printable, Style style) {
  out_ += fmt::format("{}{}\n", std::string(printable.empty() ? 0 : indent, ' '),
                      paint(printable, style));
}

std::string TerminalText::paint(std::string_view printable, Style style) const {
  if (!colour_ || style == Style::plain || printable.empty()) return std::string(printable);
  return fmt::format("\x1b[{}m{}\x1b[0m", code_of(style), printable);
}

} // namespace pgkeep::findings
