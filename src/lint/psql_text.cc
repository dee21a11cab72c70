// One walk over the text that knows as much of SQL as psql's own scanner: quotes, comments, and
// where a statement ends.
#include "lint/psql_text.h"

#include <algorithm>

#include "base/text.h"

namespace pgkeep::lint {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_word(char c) {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '$';
}

class Scanner {
public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::vector<PsqlPart> run() {
    while (at_ < text_.size())
      step();
    return std::move(parts_);
  }

private:
  [[nodiscard]] char peek(std::size_t ahead) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] std::size_t line_end(std::size_t from) const {
    return std::min(text_.find('\n', from), text_.size());
  }

  void step() {
    const char c = text_[at_];
    if (is_letter(c)) return word();
    if (c == '-' && peek(1) == '-') {
      at_ = line_end(at_);
    } else if (c == '/' && peek(1) == '*') {
      block_comment();
    } else if (c == '\'' || c == '"') {
      quoted(c, false);
    } else if (c == '$') {
      dollar_quoted();
    } else if (c == '\\') {
      const std::size_t end = line_end(at_);
      parts_.push_back({.kind = PsqlPartKind::command, .begin = at_, .end = end});
      at_ = end;
    } else if (c == ':') {
      variable();
    } else if (c == ';') {
      ++at_;
      if (depth_ == 0) end_statement();
    } else {
      depth_ += c == '(' ? 1 : 0;
      if (c == ')' && depth_ > 0) --depth_;
      ++at_;
    }
  }

  /// Keeps as much of the statement as tells COPY ... FROM stdin.
  void word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_]))
      ++at_;
    const std::string_view found = text_.substr(begin, at_ - begin);
    if (at_ < text_.size() && text_[at_] == '\'' && (found == "E" || found == "e"))
      return quoted('\'', true);
    if (words_ < 0xffff) ++words_;
    if (words_ == 1) is_copy_ = base::to_lower(found) == "copy";
    if (!is_copy_ || depth_ > 0) return;
    if (was_from_ && base::to_lower(found) == "stdin") takes_data_ = true;
    was_from_ = base::to_lower(found) == "from";
  }

  void quoted(char quote, bool has_escapes) {
    for (++at_; at_ < text_.size(); ++at_) {
      if (has_escapes && text_[at_] == '\\') {
        ++at_;
      } else if (text_[at_] == quote) {
        ++at_; // A doubled one begins the next quoted piece.
        return;
      }
    }
    at_ = text_.size();
  }

  void dollar_quoted() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && is_word(text_[end]) && text_[end] != '$')
      ++end;
    const bool is_tag = end < text_.size() && text_[end] == '$' &&
                        !(text_[at_ + 1] >= '0' && text_[at_ + 1] <= '9');
    if (!is_tag) {
      ++at_;
      return;
    }
    const std::string_view tag = text_.substr(at_, end + 1 - at_);
    const std::size_t close = text_.find(tag, end + 1);
    at_ = close == std::string_view::npos ? text_.size() : close + tag.size();
  }

  void block_comment() {
    int depth = 0;
    while (at_ < text_.size()) {
      if (text_[at_] == '/' && peek(1) == '*') {
        ++depth;
        at_ += 2;
      } else if (text_[at_] == '*' && peek(1) == '/') {
        at_ += 2;
        if (--depth == 0) return;
      } else {
        ++at_;
      }
    }
  }

  void variable() {
    const std::size_t begin = at_;
    if (peek(1) == ':' || peek(1) == '=') {
      at_ += 2;
      return;
    }
    const char quote = peek(1) == '\'' || peek(1) == '"' ? peek(1) : '\0';
    std::size_t end = at_ + (quote != '\0' ? 2 : 1);
    const std::size_t name = end;
    while (end < text_.size() && is_word(text_[end]) && text_[end] != '$')
      ++end;
    const bool is_closed = quote == '\0' || (end < text_.size() && text_[end] == quote);
    if (end == name || !is_closed) {
      ++at_;
      return;
    }
    at_ = end + (quote != '\0' ? 1 : 0);
    parts_.push_back({.kind = PsqlPartKind::variable, .begin = begin, .end = at_});
  }

  void end_statement() {
    const bool takes_data = takes_data_;
    words_ = 0;
    is_copy_ = was_from_ = takes_data_ = false;
    if (!takes_data) return;
    const std::size_t begin = std::min(line_end(at_) + 1, text_.size());
    std::size_t line = begin;
    while (line < text_.size()) {
      const std::size_t end = line_end(line);
      std::string_view words = text_.substr(line, end - line);
      if (words.ends_with('\r')) words.remove_suffix(1);
      line = std::min(end + 1, text_.size());
      if (words != "\\.") continue;
      parts_.push_back({.kind = PsqlPartKind::data, .begin = begin, .end = line});
      at_ = line;
      return;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0; ///< Of brackets.
  int words_ = 0; ///< Of the statement so far.
  bool is_copy_ = false;
  bool was_from_ = false;
  bool takes_data_ = false;
  std::vector<PsqlPart> parts_;
};

} // namespace

std::vector<PsqlPart> psql_parts_of(std::string_view text) {
  return Scanner(text).run();
}

} // namespace pgkeep::lint
