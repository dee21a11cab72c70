// Names are read from lines, parameters from tokens: what stands in constants, quoted names and
// comments is none.
#include "lint/query_file.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "base/utf8.h"
#include "postgres/sql_parser.h"

namespace pgkeep::lint {
namespace {

using postgres::TokenText;

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Takes what stands at the front of the text; false where something else does.
bool take(std::string_view& text, std::string_view front) {
  if (!text.starts_with(front)) return false;
  text = base::trim(text.substr(front.size()));
  return true;
}

/// A name with dashes, as yesql has them; empty for none.
std::string take_name(std::string_view& text) {
  const auto is_inside = [](char c) { return is_name_start(c) || is_digit(c) || c == '-'; };
  if (text.empty() || !is_name_start(text.front())) return {};
  const auto end = std::ranges::find_if_not(text, is_inside);
  std::string name(text.begin(), end);
  text.remove_prefix(name.size());
  return name;
}

/// Behind a name: what tools say about the result. Anything else is prose.
bool is_annotation(std::string_view rest) {
  rest = base::trim(rest);
  if (rest.starts_with('(')) { // aiosql: the parameters.
    const std::size_t end = rest.find(')');
    if (end == std::string_view::npos) return false;
    rest = base::trim(rest.substr(end + 1));
  }
  for (const std::string_view sign : {"<!", "*!", "^", "!", "$", "#"}) {
    if (take(rest, sign)) break;
  }
  if (take(rest, ":") && take_name(rest).empty()) return false;
  return base::trim(rest).empty();
}

/// Of a line "-- name: x"; empty for others.
std::string name_of_line(std::string_view line) {
  std::string_view rest = base::trim(line);
  if (!take(rest, "--") || !take(rest, "name") || !take(rest, ":")) return {};
  std::string name = take_name(rest);
  return is_annotation(rest) ? name : std::string{};
}

/// PgTyped's "@name x", a line of a comment; empty for others.
std::string name_of_comment_line(std::string_view line) {
  std::string_view rest = base::trim(line);
  take(rest, "/");
  while (take(rest, "*")) {
  }
  if (!take(rest, "@name ")) return {};
  return take_name(rest);
}

/// Where the comment that holds the place begins; none where no comment does.
std::optional<std::size_t> comment_around(std::string_view text, std::size_t at) {
  const std::size_t begin = text.substr(0, at).rfind("/*");
  if (begin == std::string_view::npos) return std::nullopt;
  const std::size_t end = text.find("*/", begin + 2);
  // One that never ends is none: "/*" stands in prose or a constant.
  return end < at || end == std::string_view::npos ? std::nullopt : std::optional(begin);
}

bool is_word(const TokenText& token) {
  return !token.text.empty() && is_name_start(token.text.front());
}

std::size_t end_of(const TokenText& token) {
  return token.offset + token.text.size();
}

/// The tokens of one piece of a text, read from the front.
class PartReader {
public:
  PartReader(std::string_view text, std::size_t begin, std::size_t end)
      : text_(text.substr(0, end)), begin_(begin),
        tokens_(postgres::tokens_of(text_.substr(begin))) {}

  std::vector<QueryPart> read() {
    begin_statement(0);
    for (std::size_t at = 0; at < tokens_.size(); ++at) {
      const std::string& token = tokens_[at].text;
      if (token == ";") begin_statement(at + 1);
      if (token == "[") ++brackets_;
      if (token == "]") --brackets_;
      if (token == ":" || token == "@") add_named(at);
      if (token == "sqlc") add_macro(at);
    }
    return std::move(parts_);
  }

private:
  [[nodiscard]] const TokenText* token(std::size_t at) const {
    return at < tokens_.size() ? &tokens_[at] : nullptr;
  }
  [[nodiscard]] bool is(std::size_t at, std::string_view text) const {
    return at < tokens_.size() && tokens_[at].text == text;
  }
  [[nodiscard]] std::string written(const TokenText& token) const {
    return std::string(text_.substr(begin_ + token.offset, token.text.size()));
  }

  /// Its own $n stay as they are.
  void begin_statement(std::size_t from) {
    names_.clear();
    numbers_ = 0;
    for (std::size_t at = from; at < tokens_.size() && tokens_[at].text != ";"; ++at) {
      const std::string_view text = tokens_[at].text;
      int number = 0;
      if (!text.starts_with('$')) continue;
      std::from_chars(text.data() + 1, text.data() + text.size(), number);
      numbers_ = std::max(numbers_, number);
    }
  }

  std::string number_of(const std::string& name) {
    auto found = std::ranges::find(names_, name);
    if (found == names_.end()) found = names_.insert(names_.end(), name);
    return fmt::format("${}", numbers_ + (found - names_.begin()) + 1);
  }

  /// [1:n] and [a:b]: a slice, whose bounds stand beside the colon.
  [[nodiscard]] bool is_slice(std::size_t at) const {
    if (brackets_ == 0 || at == 0 || tokens_[at].text != ":") return false;
    const TokenText& before = tokens_[at - 1];
    const bool is_operand = is_word(before) || before.text == ")" || before.text == "]" ||
                            (!before.text.empty() && is_digit(before.text.back()));
    return is_operand && end_of(before) == tokens_[at].offset;
  }

  void add_named(std::size_t at) {
    const TokenText* const name = token(at + 1);
    const bool is_beside = name != nullptr && is_word(*name) && end_of(tokens_[at]) == name->offset;
    if (!is_beside || is_slice(at)) return;
    std::size_t end = begin_ + end_of(*name);
    // PgTyped: ":name!" must not be NULL.
    const std::string_view behind = text_.substr(std::min(end, text_.size()));
    if (behind.starts_with('!') && !behind.starts_with("!=")) ++end;
    add(begin_ + tokens_[at].offset, end, number_of(written(*name)));
  }

  /// sqlc.arg(x), sqlc.narg('x'), sqlc.slice(x), sqlc.embed(t).
  void add_macro(std::size_t at) {
    const bool is_macro = is(at + 1, ".") && token(at + 2) != nullptr && is(at + 3, "(") &&
                          token(at + 4) != nullptr && is(at + 5, ")");
    if (!is_macro) return;
    const std::string& macro = tokens_[at + 2].text;
    const std::string argument = base::replace_all(written(tokens_[at + 4]), "'", "");
    const std::size_t begin = begin_ + tokens_[at].offset;
    const std::size_t end = begin_ + end_of(tokens_[at + 5]);
    if (macro == "arg" || macro == "narg" || macro == "slice") add(begin, end, number_of(argument));
    if (macro == "embed") add(begin, end, argument + ".*");
  }

  void add(std::size_t begin, std::size_t end, std::string sent) {
    parts_.push_back({.offset = begin, .length = end - begin, .sent = std::move(sent)});
  }

  std::string_view text_;
  std::size_t begin_;
  std::vector<TokenText> tokens_;
  std::vector<QueryPart> parts_;
  std::vector<std::string> names_; ///< Of the statement's parameters.
  int numbers_ = 0;                ///< The highest that the statement writes itself.
  int brackets_ = 0;
};

} // namespace

std::vector<QueryName> query_names_in(std::string_view text) {
  std::vector<QueryName> names;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    const bool may_name = line.find("name") != std::string_view::npos;
    // A line may be the comment's first.
    const auto comment = may_name ? comment_around(text, end) : std::nullopt;
    QueryName found{.name = {}, .begin = begin};
    if (comment) {
      found = {.name = name_of_comment_line(line), .begin = *comment};
    } else if (may_name) {
      found.name = name_of_line(line);
      const bool is_comment = base::trim(line).starts_with("/*");
      if (found.name.empty() && is_comment) found.name = name_of_comment_line(line);
    }
    if (!found.name.empty()) names.push_back(std::move(found));
    begin = end + 1;
  }
  return names;
}

std::vector<QueryPart> query_parts_in(std::string_view text, std::size_t begin, std::size_t end) {
  return PartReader(text, begin, end).read();
}

std::string with_parts_in_place(std::string text, const std::vector<QueryPart>& parts) {
  for (const QueryPart& each : parts) {
    std::string sent = each.sent.size() <= each.length ? each.sent : "$0";
    sent.resize(each.length, ' ');
    text.replace(each.offset, each.length, sent);
  }
  return text;
}

SentQuery::SentQuery(std::string_view text, std::size_t begin, std::size_t end,
                     const std::vector<QueryPart>& parts) {
  const auto copy = [&](std::size_t until) {
    if (until <= begin) return;
    pieces_.push_back({.sent = sql_.size(), .offset = begin, .is_part = false});
    sql_.append(text.substr(begin, until - begin));
  };
  for (const QueryPart& each : parts) {
    if (each.offset < begin || each.offset >= end) continue;
    copy(each.offset);
    pieces_.push_back({.sent = sql_.size(), .offset = each.offset, .is_part = true});
    sql_ += each.sent;
    names_.push_back(
        {.sent = each.sent, .written = std::string(text.substr(each.offset, each.length))});
    begin = each.offset + each.length;
  }
  copy(end);
}

std::size_t SentQuery::offset_of(int character) const {
  std::size_t sent = 0;
  for (int at = 1; at < character && sent < sql_.size(); ++at)
    sent += std::max<std::size_t>(base::decode_utf8(std::string_view(sql_).substr(sent)).bytes, 1);
  const auto after = std::ranges::upper_bound(pieces_, sent, {}, &Piece::sent);
  if (after == pieces_.begin()) return 0;
  const Piece& piece = *std::prev(after);
  return piece.is_part ? piece.offset : piece.offset + (sent - piece.sent);
}

std::string SentQuery::with_names(std::string message) const {
  for (std::size_t at = 0; at < message.size(); ++at) {
    if (message[at] != '$') continue;
    std::size_t end = at + 1;
    while (end < message.size() && is_digit(message[end]))
      ++end;
    const auto found = std::ranges::find(names_, message.substr(at, end - at), &Name::sent);
    if (found == names_.end()) continue;
    message.replace(at, end - at, found->written);
    at += found->written.size();
  }
  return message;
}

} // namespace pgkeep::lint
