/// The text literals of a source file, in order, without its comments: as much of a lexer as the
/// search for SQL needs. Private to src/catalog. Thread-safety: pure functions; views into the
/// file.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace pgkeep::catalog::code {

/// How values are put into a literal.
enum class Interpolation : std::uint8_t {
  none,
  braces,        ///< {x}: Python f"", C# $"".
  dollar_braces, ///< ${x}: JavaScript `...`, Kotlin "...".
  hash_braces,   ///< #{x}: Ruby "...".
  dollar,        ///< $x and {$x}: PHP "...".
};

struct Language {
  std::string_view extension;
  bool has_hash_comments = false;
  bool has_slash_comments = false;
  bool has_backticks = false; ///< `...` over several lines.
  bool has_triple_quotes = false;
  Interpolation plain = Interpolation::none; ///< Of "..." without a prefix.
  Interpolation backtick = Interpolation::none;
  char join = '+';                  ///< The operator that joins text.
  bool has_prefixes = false;        ///< Letters before the quote: f"", r"".
  bool has_format_operator = false; ///< "..." % x
};
const Language* language_of(std::string_view extension);

struct Literal {
  std::size_t begin = 0; ///< Of the literal, prefix included.
  std::size_t end = 0;   ///< Behind its closing quote.
  std::string_view body = {};
  Interpolation interpolation = Interpolation::none;
  bool is_tagged = false; ///< sql`...`
};
std::vector<Literal> find_literals(std::string_view text, const Language& language);

} // namespace pgkeep::catalog::code
