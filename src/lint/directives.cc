// The text above a statement is read line by line upwards to find where it begins, then downwards
// with comments told apart, as a directive inside of /* */ is none.
#include "lint/directives.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace pgkeep::lint {
namespace {

constexpr std::string_view kPrefix = "pgkeep:";

constexpr auto kKnown = std::to_array<KnownDirective>({
    {"batch", DirectiveTarget::rows},
    {"shadow", DirectiveTarget::any_table},
    {"step", DirectiveTarget::anything},
    {"loses", DirectiveTarget::anything},
    {"ignore", DirectiveTarget::anything},
    {"requires", DirectiveTarget::anything},
    {"conflicts", DirectiveTarget::anything},
});

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

/// At blanks that stand in no double quotes.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words = {""};
  bool is_quoted = false;
  for (const char c : text) {
    is_quoted ^= c == '"';
    const bool is_blank = !is_quoted && (c == ' ' || c == '\t' || c == '\r');
    if (!is_blank) words.back() += c;
    if (is_blank && !words.back().empty()) words.emplace_back();
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

/// Of "key=id size=5000".
std::vector<DirectiveArgument> arguments_of(std::string_view text) {
  std::vector<DirectiveArgument> arguments;
  for (const std::string& word : words_of(text)) {
    const std::size_t equals = word.find('=');
    DirectiveArgument argument{.key = word.substr(0, equals)};
    if (equals != std::string::npos) argument.value = word.substr(equals + 1);
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

/// The text of a comment, without "--".
void add_comment(std::string_view comment, std::size_t offset, bool is_in_place,
                 std::vector<Directive>& found) {
  std::string_view rest = base::trim(comment);
  if (!base::to_lower(rest.substr(0, kPrefix.size())).starts_with(kPrefix)) return;
  rest.remove_prefix(kPrefix.size());
  const auto stop = std::ranges::find_if_not(rest, is_name_character);
  const auto length = static_cast<std::size_t>(stop - rest.begin());
  if (length == 0) return; // "-- pgkeep: a remark".
  const std::string_view text = base::trim(rest.substr(length));
  found.push_back({.name = base::to_lower(rest.substr(0, length)),
                   .arguments = arguments_of(text),
                   .text = std::string(text),
                   .offset = offset,
                   .is_in_place = is_in_place});
}

bool is_blank_before(std::string_view text, std::size_t at) {
  while (at > 0 && text[at - 1] != '\n') {
    --at;
    if (text[at] != ' ' && text[at] != '\t' && text[at] != '\r') return false;
  }
  return true;
}

/// Behind the comment that begins here; comments nest.
std::size_t end_of_block_comment(std::string_view text, std::size_t at, std::size_t end) {
  int depth = 0;
  while (at < end) {
    const std::string_view two = text.substr(at, 2);
    if (two == "/*") {
      ++depth;
      at += 2;
    } else if (two == "*/") {
      at += 2;
      if (--depth == 0) break;
    } else {
      ++at;
    }
  }
  return std::min(at, end);
}

/// Where the blanks and comments above `statement_begin` begin: at the beginning of a line.
std::size_t begin_of_comments(std::string_view text, std::size_t statement_begin) {
  std::size_t begin = statement_begin; // Of the line below.
  while (begin > 0 && text[begin - 1] != '\n')
    --begin;
  if (!is_blank_before(text, statement_begin)) return statement_begin;
  while (begin > 0) {
    std::size_t line_begin = begin - 1;
    while (line_begin > 0 && text[line_begin - 1] != '\n')
      --line_begin;
    const std::string_view line = base::trim(text.substr(line_begin, begin - 1 - line_begin));
    if (line.ends_with("*/")) {
      const std::size_t open = text.rfind("/*", begin - 1);
      if (open == std::string_view::npos || !is_blank_before(text, open)) break;
      line_begin = open;
      while (line_begin > 0 && text[line_begin - 1] != '\n')
        --line_begin;
    } else if (!line.empty() && !line.starts_with("--")) {
      break;
    }
    begin = line_begin;
  }
  return begin;
}

} // namespace

const std::string* Directive::find(std::string_view key) const {
  const auto found = std::ranges::find(arguments, key, &DirectiveArgument::key);
  return found == arguments.end() ? nullptr : &found->value;
}

std::span<const KnownDirective> known_directives() noexcept {
  return kKnown;
}

std::vector<Directive> directives_between(std::string_view text, std::size_t begin,
                                          std::size_t end) {
  std::vector<Directive> found;
  end = std::min(end, text.size());
  for (std::size_t at = begin; at < end;) {
    const std::string_view two = text.substr(at, 2);
    if (two == "--") {
      const std::size_t stop = std::min(text.find('\n', at), end);
      add_comment(text.substr(at + 2, std::max(stop, at + 2) - at - 2), at,
                  is_blank_before(text, at), found);
      at = stop;
    } else if (two == "/*") {
      at = end_of_block_comment(text, at, end);
    } else {
      ++at;
    }
  }
  return found;
}

std::vector<Directive> directives_above(std::string_view text, std::size_t statement_begin) {
  statement_begin = std::min(statement_begin, text.size());
  return directives_between(text, begin_of_comments(text, statement_begin), statement_begin);
}

const Directive* find_directive(std::span<const Directive> directives, std::string_view name) {
  const auto found = std::ranges::find(directives, name, &Directive::name);
  return found == directives.end() ? nullptr : &*found;
}

} // namespace pgkeep::lint
