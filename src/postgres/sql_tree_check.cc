// Tokens are counted too high rather than too low: what is counted here as one is one, or several,
// to nobody.
#include "postgres/sql_tree_check.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace pgkeep::postgres {
namespace {

/// Fewer than check_input() allows operators in a row, and check_depth() tokens or links in a
/// chain. What is text or comment may hold more: nobody reads that again.
constexpr int kTokensMax = 4000;

/// What a character may be, in bits.
using Class = std::uint8_t;
constexpr Class kLetter = 1;
constexpr Class kDigit = 2;
constexpr Class kDollar = 4;
constexpr Class kBlank = 8;
constexpr Class kBegins = 16; ///< A text, a comment or something else of more than one character.
constexpr std::array<Class, 256> kClasses = [] {
  std::array<Class, 256> classes{};
  const auto add = [&](std::string_view characters, Class one) {
    for (const char c : characters)
      classes[static_cast<unsigned char>(c)] |= one;
  };
  add("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", kLetter);
  for (std::size_t c = 0x80; c < classes.size(); ++c)
    classes[c] |= kLetter;
  add("0123456789", kDigit);
  add("$", kDollar);
  add(" \t\n\f\r", kBlank); // Not \v, to the scanner.
  add("'\"$-/", kBegins);
  return classes;
}();

bool is_any(char c, Class classes) {
  return (kClasses[static_cast<unsigned char>(c)] & classes) != 0;
}
bool is_letter(char c) {
  return is_any(c, kLetter);
}
bool is_digit(char c) {
  return is_any(c, kDigit);
}

class QuickScan {
public:
  explicit QuickScan(std::string_view text) : text_(text) {}

  /// Calls `see(begin, end)` for each token, comments among them. False where it cannot tell.
  template <typename See>
  bool scan(See&& see) {
    int tokens = 0;
    for (at_ = past(kBlank); at_ < text_.size(); at_ = past(kBlank)) {
      const char c = text_[at_];
      tokens = c == ';' ? 0 : tokens + 1;
      const std::size_t begin = at_;
      if (tokens > kTokensMax || c == '\0' || !skip(c)) return false;
      see(begin, at_);
    }
    return true;
  }

private:
  /// Behind all characters of these classes that stand here.
  [[nodiscard]] std::size_t past(Class classes) const {
    const auto found = std::find_if_not(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                        text_.end(), [&](char c) { return is_any(c, classes); });
    return static_cast<std::size_t>(found - text_.begin());
  }
  [[nodiscard]] bool is_at(std::string_view text) const {
    return text_.substr(at_, text.size()) == text;
  }
  /// Past what begins here. False for what is left to the real scanner: it never ends, say.
  bool skip(char c) {
    if (is_letter(c)) return skip_word();
    if (!is_any(c, kDigit | kBegins)) {
      ++at_;
      return true;
    }
    if (is_digit(c)) { // A dollar behind a number may begin a quote, as one in a name does not.
      at_ = past(kDigit);
      return true;
    }
    if (c == '\'') return skip_past(1, "'");
    if (c == '"') return skip_past(1, "\"");
    if (c == '$') return skip_dollar();
    if (is_at("--")) {
      const std::size_t begin = at_;
      at_ = std::min(text_.find_first_of("\r\n", at_), text_.size());
      return has_no_nul(begin);
    }
    if (is_at("/*")) { // Comments nest: those that do are left to the real scanner.
      const std::size_t begin = at_ + 2;
      return skip_past(2, "*/") &&
             text_.substr(begin, at_ - begin).find("/*") == std::string_view::npos;
    }
    ++at_;
    return true;
  }
  bool skip_word() {
    const std::size_t begin = at_;
    at_ = past(kLetter | kDigit | kDollar);
    const bool may_escape = at_ == begin + 1 && (text_[begin] == 'E' || text_[begin] == 'e');
    return !may_escape || at_ >= text_.size() || text_[at_] != '\'' || skip_escaped();
  }
  /// E'..', in which a backslash may hide a quote. What may be its next piece, '..' on the next
  /// line with comments between, is left to the real scanner.
  bool skip_escaped() {
    const std::size_t begin = at_;
    for (++at_; at_ < text_.size(); ++at_) {
      const bool is_doubled =
          text_[at_] == '\'' && at_ + 1 < text_.size() && text_[at_ + 1] == '\'';
      if (text_[at_] == '\\' || is_doubled) {
        ++at_;
      } else if (text_[at_] == '\'') {
        ++at_;
        const std::size_t next = text_.find_first_not_of(" \t\n\f\r\v", at_);
        const bool may_go_on =
            next != std::string_view::npos && (text_[next] == '\'' || text_[next] == '-');
        return !may_go_on && has_no_nul(begin);
      }
    }
    return false;
  }
  bool skip_past(std::size_t length, std::string_view end) {
    const std::size_t begin = at_;
    const std::size_t found = text_.find(end, at_ + length);
    if (found == std::string_view::npos) return false;
    at_ = found + end.size();
    return has_no_nul(begin);
  }
  [[nodiscard]] bool has_no_nul(std::size_t begin) const {
    return text_.substr(begin, at_ - begin).find('\0') == std::string_view::npos;
  }
  /// $tag$ ... $tag$, or $1.
  bool skip_dollar() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end])))
      ++end;
    const bool is_quote = end < text_.size() && text_[end] == '$' && !is_digit(text_[at_ + 1]);
    if (!is_quote) {
      ++at_;
      return true;
    }
    const std::string_view tag = text_.substr(at_, end + 1 - at_);
    return skip_past(tag.size(), tag);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

} // namespace

std::optional<int> tokens_at_most(std::string_view sql) {
  int tokens = 0;
  int most = 0;
  const bool is_known = QuickScan(sql).scan([&](std::size_t begin, std::size_t /*end*/) {
    tokens = sql[begin] == ';' ? 0 : tokens + 1;
    most = std::max(most, tokens);
  });
  return is_known ? std::optional(most) : std::nullopt;
}

bool is_plainly_harmless(std::string_view sql) {
  constexpr std::size_t kBytesMax = std::size_t{16} * 1024 * 1024; // check_input() knows the limit.
  if (sql.size() <= std::size_t{kTokensMax}) return sql.find('\0') == std::string_view::npos;
  return sql.size() <= kBytesMax && QuickScan(sql).scan([](std::size_t, std::size_t) {});
}

std::optional<std::vector<TextPiece>> pieces_quickly(std::string_view sql) {
  std::vector<TextPiece> pieces;
  std::optional<TextPiece> open;
  int depth = 0;
  const auto finish = [&] {
    if (open) pieces.push_back(*open);
    open.reset();
    depth = 0;
  };
  const bool is_known = QuickScan(sql).scan([&](std::size_t begin, std::size_t end) {
    const char first = sql[begin];
    const bool is_long = end - begin > 1;
    if (is_long && (first == '-' || first == '/')) return; // A comment.
    if (first == '(') ++depth;
    if (first == ')') --depth;
    // A rule may hold several statements in parentheses.
    if (first == ';' && depth <= 0) return finish();
    if (!open) open = TextPiece{.begin = begin};
    open->end = end;
  });
  finish();
  return is_known ? std::optional(std::move(pieces)) : std::nullopt;
}

} // namespace pgkeep::postgres
