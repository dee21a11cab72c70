/// The words and names of a short SQL command, taken from its front one after the other.
///
/// Pure. Threads: any. Source: PostgreSQL manual, sql-syntax-lexical (Identifiers and Key Words);
/// NAMEDATALEN.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "wire/sql_blank.h"

namespace pgkeep::wire {

/// Longer ones are cut or refused: a server says which.
inline constexpr std::size_t kIdentifierBytesMax = 63;

inline bool is_word_byte(char c, bool is_first) {
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  return is_letter || (!is_first && ((c >= '0' && c <= '9') || c == '$'));
}

inline char to_lower_ascii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// The word at the front, which case does not matter for; what follows it is behind a blank or a
/// quote.
inline bool take_keyword(std::string_view& text, std::string_view word) {
  if (text.size() <= word.size() ||
      !std::ranges::equal(text.substr(0, word.size()), word, {}, to_lower_ascii, to_lower_ascii) ||
      is_word_byte(text[word.size()], false))
    return false;
  text = behind_blank(text.substr(word.size()));
  return true;
}

/// The identifier at the front, as a server knows it.
inline std::optional<std::string> take_identifier(std::string_view& text) {
  std::string name;
  if (text.starts_with('"')) {
    for (text.remove_prefix(1);; text.remove_prefix(1)) {
      if (text.empty()) return std::nullopt;
      if (text.front() == '"') {
        if (!text.starts_with("\"\"")) break;
        text.remove_prefix(1);
      }
      name.push_back(text.front());
    }
    text.remove_prefix(1);
  } else {
    for (; !text.empty() && is_word_byte(text.front(), name.empty()); text.remove_prefix(1))
      name.push_back(to_lower_ascii(text.front()));
  }
  if (name.empty() || name.size() > kIdentifierBytesMax || name.find('\0') != std::string::npos)
    return std::nullopt;
  return name;
}

/// Nothing is left but the end of the command.
inline bool is_at_end(std::string_view text) {
  text = behind_blank(text);
  if (text.starts_with(';')) text = behind_blank(text.substr(1));
  return text.empty();
}

} // namespace pgkeep::wire
