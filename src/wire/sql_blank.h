/// What stands between the words of SQL and says nothing: blanks and comments.
///
/// Pure. Threads: any. Source: PostgreSQL manual, sql-syntax-lexical (Comments).
#pragma once

#include <algorithm>
#include <string_view>

namespace pgkeep::wire {

inline constexpr std::string_view kSqlSpace = " \t\r\n\f\v";

/// Longer comments are none: whoever looks for words all through a text must not read all that is
/// left of it at each.
inline constexpr std::size_t kSqlCommentMax = 1024;

/// Behind the comment at the front; the text itself where there is none, or it does not end within
/// kSqlCommentMax. Those of /* */ may stand in each other.
inline std::string_view behind_comment(std::string_view text) {
  const std::string_view near = text.substr(0, kSqlCommentMax);
  if (text.starts_with("--")) {
    const std::size_t end = near.find_first_of("\r\n");
    if (end != std::string_view::npos) return text.substr(end);
    return near.size() == text.size() ? text.substr(text.size()) : text;
  }
  if (!text.starts_with("/*")) return text;
  int depth = 1;
  for (std::string_view rest = near.substr(2); !rest.empty();) {
    if (!rest.starts_with("/*") && !rest.starts_with("*/")) {
      rest.remove_prefix(1);
      continue;
    }
    depth += rest.front() == '/' ? 1 : -1;
    rest.remove_prefix(2);
    if (depth == 0) return text.substr(near.size() - rest.size());
  }
  return text;
}

/// One that does not end, or is too long: what stands behind it is not known.
inline bool begins_comment(std::string_view text) {
  return text.starts_with("/*") || text.starts_with("--");
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
