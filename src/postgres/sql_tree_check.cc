// Tokens are counted too high rather than too low: what is counted here as one is one, or several,
// to nobody.
#include "postgres/sql_tree_check.h"

#include <algorithm>

namespace pgkeep::postgres {
namespace {

/// Fewer than check_input() allows operators in a row, and check_depth() tokens or links in a
/// chain.
constexpr int kTokensMax = 4000;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

class QuickScan {
public:
  explicit QuickScan(std::string_view text) : text_(text) {}

  bool passes() {
    int tokens = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (is_blank(c)) {
        ++at_;
        continue;
      }
      tokens = c == ';' ? 0 : tokens + 1;
      if (tokens > kTokensMax || c == '\0' || !skip(c)) return false;
    }
    return true;
  }

private:
  [[nodiscard]] bool is_at(std::string_view text) const {
    return text_.substr(at_, text.size()) == text;
  }
  /// Past what begins here. False for what is left to the real scanner: it never ends, say.
  bool skip(char c) {
    if (is_letter(c) || is_digit(c)) return skip_word();
    if (c == '\'') return skip_past(1, "'");
    if (c == '"') return skip_past(1, "\"");
    if (c == '$') return skip_dollar();
    if (is_at("--")) {
      const std::size_t begin = at_;
      at_ = std::min(text_.find('\n', at_), text_.size());
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
  /// A backslash in E'..' is left to the real scanner.
  bool skip_word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() &&
           (is_letter(text_[at_]) || is_digit(text_[at_]) || text_[at_] == '$'))
      ++at_;
    const bool is_escaped = at_ == begin + 1 && (text_[begin] == 'E' || text_[begin] == 'e') &&
                            at_ < text_.size() && text_[at_] == '\'';
    if (!is_escaped) return true;
    const std::size_t quote = at_;
    return skip_past(1, "'") &&
           text_.substr(quote, at_ - quote).find('\\') == std::string_view::npos;
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

bool is_plainly_harmless(std::string_view sql) {
  constexpr std::size_t kBytesMax = std::size_t{16} * 1024 * 1024; // check_input() knows the limit.
  return sql.size() <= kBytesMax && QuickScan(sql).passes();
}

} // namespace pgkeep::postgres
