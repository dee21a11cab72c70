#include "catalog/code/literals.h"

#include <array>

#include "catalog/code/characters.h"

namespace pgkeep::catalog::code {
namespace {

constexpr auto kLanguages = std::to_array<Language>({
    {.extension = "py",
     .has_hash_comments = true,
     .has_triple_quotes = true,
     .has_prefixes = true,
     .has_format_operator = true},
    {.extension = "js",
     .has_slash_comments = true,
     .has_backticks = true,
     .backtick = Interpolation::dollar_braces},
    {.extension = "mjs",
     .has_slash_comments = true,
     .has_backticks = true,
     .backtick = Interpolation::dollar_braces},
    {.extension = "cjs",
     .has_slash_comments = true,
     .has_backticks = true,
     .backtick = Interpolation::dollar_braces},
    {.extension = "jsx",
     .has_slash_comments = true,
     .has_backticks = true,
     .backtick = Interpolation::dollar_braces},
    {.extension = "ts",
     .has_slash_comments = true,
     .has_backticks = true,
     .backtick = Interpolation::dollar_braces},
    {.extension = "tsx",
     .has_slash_comments = true,
     .has_backticks = true,
     .backtick = Interpolation::dollar_braces},
    {.extension = "rb", .has_hash_comments = true, .plain = Interpolation::hash_braces},
    {.extension = "php",
     .has_hash_comments = true,
     .has_slash_comments = true,
     .plain = Interpolation::dollar,
     .join = '.'},
    {.extension = "java", .has_slash_comments = true, .has_triple_quotes = true},
    {.extension = "kt",
     .has_slash_comments = true,
     .has_triple_quotes = true,
     .plain = Interpolation::dollar},
    {.extension = "go", .has_slash_comments = true, .has_backticks = true},
    {.extension = "cs",
     .has_slash_comments = true,
     .has_triple_quotes = true,
     .has_prefixes = true},
});

/// Walks the file once; each function moves `at_`.
class Lexer {
public:
  Lexer(std::string_view text, const Language& language) : text_(text), language_(language) {}

  std::vector<Literal> run() {
    while (at_ < text_.size()) {
      if (skip_comment() || take_literal()) continue;
      ++at_;
    }
    return std::move(found_);
  }

private:
  [[nodiscard]] std::string_view rest() const { return text_.substr(at_); }

  bool skip_comment() {
    const bool is_line = (language_.has_hash_comments && rest().starts_with('#')) ||
                         (language_.has_slash_comments && rest().starts_with("//"));
    if (is_line) {
      at_ = std::min(text_.find('\n', at_), text_.size());
      return true;
    }
    if (!language_.has_slash_comments || !rest().starts_with("/*")) return false;
    const std::size_t end = text_.find("*/", at_ + 2);
    at_ = end == std::string_view::npos ? text_.size() : end + 2;
    return true;
  }

  bool take_literal() {
    const char quote = text_[at_];
    if (quote != '"' && quote != '\'' && !(quote == '`' && language_.has_backticks)) return false;
    Literal literal{.begin = at_};
    const std::string_view prefix = prefix_before(at_);
    literal.begin -= prefix.size();
    literal.is_tagged = quote == '`' && at_ > 0 &&
                        (is_word(text_[at_ - 1]) || text_[at_ - 1] == '>' || text_[at_ - 1] == ')');
    literal.interpolation = interpolation_of(quote, prefix);
    const std::size_t open = at_;
    const bool is_triple = language_.has_triple_quotes && quote != '`' && open + 2 < text_.size() &&
                           text_[open + 1] == quote && text_[open + 2] == quote;
    // C# doubles quotes in @"..." and has no escapes there; its strings go over lines, as PHP's and
    // Ruby's do.
    const bool is_raw = quote == '`' ? language_.backtick == Interpolation::none
                                     : prefix.find('@') != std::string_view::npos;
    const bool may_have_lines = is_triple || quote == '`' || is_raw ||
                                language_.extension == "php" || language_.extension == "rb";
    const std::size_t width = is_triple ? 3 : 1;
    std::size_t end = open + width;
    for (; end < text_.size(); ++end) {
      if (text_[end] == '\\' && !is_raw) {
        ++end;
      } else if (text_[end] == '\n' && !may_have_lines) {
        at_ = end; // No literal: an apostrophe in a regular expression or in markup.
        return true;
      } else if (text_[end] == quote &&
                 (!is_triple ||
                  (text_.substr(end).starts_with(std::string_view(text_).substr(open, 3))))) {
        break;
      }
    }
    if (end >= text_.size()) {
      at_ = open + 1; // Never closed: not a literal after all.
      return true;
    }
    literal.body = text_.substr(open + width, end - open - width);
    literal.end = end + width;
    at_ = literal.end;
    found_.push_back(literal);
    return true;
  }

  /// f, rf, $, @$: what stands right before a quote.
  [[nodiscard]] std::string_view prefix_before(std::size_t quote) const {
    if (!language_.has_prefixes) return {};
    std::size_t begin = quote;
    const bool is_csharp = language_.extension == "cs";
    const std::string_view allowed = is_csharp ? "$@" : "rRbBfFuU";
    while (begin > 0 && quote - begin < 2 &&
           allowed.find(text_[begin - 1]) != std::string_view::npos)
      --begin;
    if (begin > 0 && is_word(text_[begin - 1]) && !is_csharp) return {};
    return text_.substr(begin, quote - begin);
  }

  [[nodiscard]] Interpolation interpolation_of(char quote, std::string_view prefix) const {
    if (quote == '`') return language_.backtick;
    if (prefix.find_first_of("fF$") != std::string_view::npos) return Interpolation::braces;
    // Ruby's and PHP's single quotes put nothing in.
    return quote == '"' ? language_.plain : Interpolation::none;
  }

  std::string_view text_;    // The file's, for the time of run().
  const Language& language_; // A row of kLanguages.
  std::size_t at_ = 0;
  std::vector<Literal> found_;
};

} // namespace

const Language* language_of(std::string_view extension) {
  for (const Language& each : kLanguages) {
    if (each.extension == extension) return &each;
  }
  return nullptr;
}

std::vector<Literal> find_literals(std::string_view text, const Language& language) {
  return Lexer(text, language).run();
}

} // namespace pgkeep::catalog::code
