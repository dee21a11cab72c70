/// What stands between the words of SQL and says nothing: blanks and comments.
///
/// Pure. Threads: any. Source: PostgreSQL manual, sql-syntax-lexical (Comments).
#pragma once

#include <algorithm>
#include <string_view>

namespace pgkeep::wire {

inline constexpr std::string_view kSqlSpace = " \t\r\n\f\v";

/// Behind the comment at the front; the text itself where there is none, or it does not end. Those
/// of /* */ may stand in each other.
inline std::string_view behind_comment(std::string_view text) {
  if (text.starts_with("--")) return text.substr(std::min(text.size(), text.find_first_of("\r\n")));
  if (!text.starts_with("/*")) return text;
  int depth = 1;
  for (std::string_view rest = text.substr(2); !rest.empty();) {
    if (!rest.starts_with("/*") && !rest.starts_with("*/")) {
      rest.remove_prefix(1);
      continue;
    }
    depth += rest.front() == '/' ? 1 : -1;
    rest.remove_prefix(2);
    if (depth == 0) return rest;
  }
  return text;
}

/// Behind all blanks and comments at the front.
inline std::string_view behind_blank(std::string_view text) {
  while (true) {
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(kSqlSpace)));
    const std::string_view behind = behind_comment(text);
    if (behind.size() == text.size()) return text;
    text = behind;
  }
}

} // namespace pgkeep::wire
