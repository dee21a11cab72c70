/// Words of an identifier, for rules that read names: "unitPrice", "unit_price" -> unit, price.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace pgkeep::audit {

/// Lower case, split at underscores, dashes, blanks and where a small letter meets a capital.
inline std::vector<std::string> name_words(std::string_view name) {
  std::vector<std::string> words(1);
  bool was_small = false;
  for (const char c : name) {
    const bool is_capital = c >= 'A' && c <= 'Z';
    if (c == '_' || c == '-' || c == ' ' || (is_capital && was_small)) {
      if (!words.back().empty()) words.emplace_back();
    }
    was_small = c >= 'a' && c <= 'z';
    if (c == '_' || c == '-' || c == ' ') continue;
    words.back().push_back(is_capital ? static_cast<char>(c - 'A' + 'a') : c);
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

inline bool is_one_of(std::string_view word, std::initializer_list<std::string_view> list) {
  return std::ranges::find(list, word) != list.end();
}

inline bool any_word(const std::vector<std::string>& words,
                     std::initializer_list<std::string_view> list) {
  return std::ranges::any_of(words, [&](const std::string& word) { return is_one_of(word, list); });
}

} // namespace pgkeep::audit
