/// Storage parameters of a relation (reloptions: "fillfactor=90") as text, numbers and truth
/// values. Private to audit/rules.
///
/// Source: PostgreSQL manual, sql-createtable: Storage Parameters. Errors: what cannot be read
/// counts as not set.
#pragma once

#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/text.h"

namespace pgkeep::audit {

/// What stands after "name="; nullopt where the parameter is not set. The view points into
/// `options`.
inline std::optional<std::string_view> storage_option(std::span<const std::string> options,
                                                      std::string_view name) {
  for (const std::string& option : options) {
    const std::string_view text = option;
    if (text.size() > name.size() && text[name.size()] == '=' && text.starts_with(name)) {
      return text.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

inline std::optional<double> storage_number(std::span<const std::string> options,
                                            std::string_view name) {
  const std::optional<std::string_view> text = storage_option(options, name);
  if (!text) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return value;
}

/// Whether a truth value is set and false. The server keeps the spelling of the user: off, false,
/// no, 0 or a prefix of these.
inline bool storage_is_off(std::span<const std::string> options, std::string_view name) {
  const std::optional<std::string_view> text = storage_option(options, name);
  if (!text || text->empty()) return false;
  const std::string word = base::to_lower(*text);
  const std::string_view view = word;
  return view == "0" || std::string_view{"false"}.starts_with(view) ||
         std::string_view{"no"}.starts_with(view) || view == "of" || view == "off";
}

} // namespace pgkeep::audit
