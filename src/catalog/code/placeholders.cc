#include "catalog/code/placeholders.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "catalog/code/characters.h"

namespace pgkeep::catalog::code {
namespace {

// What opens a reference to a value that is kept elsewhere.
constexpr auto kReferences = std::to_array<std::string_view>(
    {"vault:", "!vault", "enc[", "arn:aws:", "op://", "ssm:", "sops:", "ref+",
     "secretsmanager:", "awssm://", "gcpsm://", "file:", "env:"});

constexpr auto kNoValues = std::to_array<std::string_view>(
    {"null", "none", "nil", "undefined", "true", "false", "~", "yes", "no"});

constexpr auto kExampleWords = std::to_array<std::string_view>(
    {"password",  "passwd",   "pass",    "pwd",   "secret",   "changeme", "change-me",
     "change_me", "example",  "sample",  "dummy", "postgres", "test",     "user",
     "admin",     "root",     "foo",     "bar",   "xxx",      "token",    "replace",
     "insert",    "redacted", "hunter2", "..."});

bool is_variable(std::string_view value) {
  if (value.starts_with('$') && value.size() > 1) {
    return is_letter(value[1]) || value[1] == '{' || value[1] == '(' || value[1] == '_';
  }
  return value.contains("${") || value.contains("#{") || value.contains("{{") ||
         value.contains("<%") || value.contains("$(");
}

bool is_format(std::string_view value) {
  if (value.starts_with('{') && value.contains("}")) return true;
  if (value.starts_with('<') && value.contains(">")) return true;
  if (value.starts_with('[') && value.ends_with(']')) return true;
  if (value.size() > 2 && value.starts_with('%') && value.ends_with('%')) return true;
  return value.starts_with("%s") || value.starts_with("%(") || value.starts_with("%v") ||
         value.starts_with("%1$");
}

bool is_mask(std::string_view value) {
  constexpr std::string_view kMasks = "*xX.-_?\\";
  return kMasks.find(value.front()) != std::string_view::npos &&
         std::ranges::all_of(value, [&](char c) { return c == value.front(); });
}

} // namespace

bool is_placeholder(std::string_view value, bool is_example) {
  value = base::trim(value);
  if (value.empty() || is_variable(value) || is_format(value) || is_mask(value)) return true;
  // U+2026 and U+2022, as documentation writes them.
  if (value.starts_with("\xe2\x80\xa6") || value.starts_with("\xe2\x80\xa2")) return true;
  const std::string lowered = base::to_lower(value);
  const std::string_view text = lowered;
  if (std::ranges::find(kNoValues, text) != kNoValues.end()) return true;
  if (text.starts_with("your") && text.size() > 4 && !is_digit(text[4])) return true;
  if (std::ranges::any_of(kReferences,
                          [&](std::string_view each) { return text.starts_with(each); }))
    return true;
  return is_example && std::ranges::any_of(kExampleWords, [&](std::string_view word) {
           return text.contains(word);
         });
}

} // namespace pgkeep::catalog::code
