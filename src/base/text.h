/// Small operations on text that the standard library lacks.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeep::base {

std::vector<std::string> split(std::string_view text, char separator);
/// Comma or space separated words, empty ones left out.
std::vector<std::string> split_words(std::string_view text);
std::string join(std::span<const std::string> items, std::string_view separator);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);
/// Where the part stands at or after `from`, whatever the case of its letters; npos where it does
/// not.
std::size_t find_ignoring_case(std::string_view text, std::string_view part, std::size_t from = 0);
bool contains_ignoring_case(std::string_view text, std::string_view part);
std::string replace_all(std::string text, std::string_view from, std::string_view to);
/// Wraps at spaces so that no line is longer than `width` columns (words longer than that stay
/// whole).
std::vector<std::string> wrap(std::string_view text, std::size_t width);
/// Display columns of UTF-8 text; control characters count as none.
std::size_t columns_of(std::string_view text);
/// At most `width` columns, with an ellipsis where something was cut.
std::string ellipsize(std::string_view text, std::size_t width);
/// Control characters (terminal escapes, line breaks) become visible escapes such as \x1b.
std::string printable(std::string_view text);
/// The nearest of the candidates by edit distance (at most a third of the word's length away).
std::optional<std::string> nearest(std::string_view word,
                                   std::span<const std::string_view> candidates);
/// The number that the text begins with, as servers write them ("42", "-1", "0.5"); `otherwise`
/// where there is none, or one too large.
std::int64_t integer_or(std::string_view text, std::int64_t otherwise);
double number_or(std::string_view text, double otherwise);
/// "&lt;script&gt;": for HTML and XML text and attribute values.
std::string escape_xml(std::string_view text);

} // namespace pgkeep::base
