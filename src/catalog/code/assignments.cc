#include "catalog/code/assignments.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"
#include "catalog/code/characters.h"

namespace pgkeep::catalog::code {
namespace {

constexpr bool is_quote(char c) {
  return c == '"' || c == '\'' || c == '`';
}
constexpr bool is_name(char c) {
  return is_word(c) || c == '-';
}

/// The name that ends just before `at`: past spaces, a closing quote or bracket (config["PASSWORD"]
/// = ...).
std::string_view name_before(std::string_view line, std::size_t at) {
  while (at > 0 && (line[at - 1] == ' ' || line[at - 1] == '\t'))
    --at;
  while (at > 0 && (line[at - 1] == ']' || is_quote(line[at - 1])))
    --at;
  std::size_t begin = at;
  while (begin > 0 && is_name(line[begin - 1]))
    --begin;
  return line.substr(begin, at - begin);
}

Assignment value_at(std::string_view line, std::size_t at, bool to_line_end) {
  while (at < line.size() && (line[at] == ' ' || line[at] == '\t'))
    ++at;
  if (at >= line.size()) return {};
  // A letter before the quote is the language's: f"", b'', r"".
  std::size_t open = at;
  while (open < line.size() && open < at + 2 && is_letter(line[open]))
    ++open;
  if (open < line.size() && is_quote(line[open])) {
    const std::size_t close = line.find(line[open], open + 1);
    if (close != std::string_view::npos) {
      return {.name = {}, .value = line.substr(open + 1, close - open - 1), .is_quoted = true};
    }
  }
  if (line.substr(at).starts_with("${")) { // With a default or a message in it, spaces and all.
    const std::size_t close = std::min(line.find('}', at), line.size() - 1);
    return {.name = {}, .value = line.substr(at, close + 1 - at), .is_quoted = false};
  }
  std::size_t end = to_line_end ? std::min(line.find(" #", at), line.size())
                                : line.find_first_of(" \t\"'`;,&|)}]", at);
  end = std::min(end, line.size());
  return {.name = {}, .value = base::trim(line.substr(at, end - at)), .is_quoted = false};
}

/// ${NAME:-value}: what stands in where the variable is not set; empty for the other forms (:?,
/// :+).
std::string_view shell_default(std::string_view line, std::size_t colon) {
  const std::string_view rest = line.substr(colon);
  if (!rest.starts_with(":-") && !rest.starts_with(":=")) return {};
  return rest.substr(2,
                     rest.find('}') == std::string_view::npos ? rest.size() : rest.find('}') - 2);
}

/// The length of an assignment sign at `at`: = : := => but no comparison, scope or URL; 0 where
/// there is none.
std::size_t sign_at(std::string_view line, std::size_t at) {
  const char c = line[at];
  const char next = at + 1 < line.size() ? line[at + 1] : '\0';
  const char before = at > 0 ? line[at - 1] : '\0';
  if (c == '=') {
    if (next == '=' || next == '~' ||
        std::string_view("=!<>~").find(before) != std::string_view::npos)
      return 0;
    return next == '>' ? 2 : 1;
  }
  if (c != ':' || next == ':' || before == ':' || next == '/') return 0;
  return next == '=' ? 2 : 1;
}

} // namespace

std::vector<Assignment> find_assignments(std::string_view line, bool to_line_end) {
  std::vector<Assignment> found;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const std::size_t length = sign_at(line, at);
    if (length == 0) continue;
    const std::string_view name = name_before(line, at);
    if (!name.empty() && is_secret_name(name)) {
      const auto begin = static_cast<std::size_t>(name.data() - line.data());
      if (line.substr(0, begin).ends_with("${")) {
        if (const auto fallback = shell_default(line, at); !fallback.empty()) {
          found.push_back({.name = name, .value = fallback, .is_quoted = false});
        }
        continue;
      }
      Assignment each = value_at(line, at + length, to_line_end);
      each.name = name;
      found.push_back(each);
    }
    at += length - 1;
  }
  return found;
}

bool is_secret_name(std::string_view name) {
  constexpr auto kEndings = std::to_array<std::string_view>(
      {"password", "passwd", "passphrase", "_pwd", "secret", "secret_key", "secretkey",
       "secret_key_base", "secret_access_key", "api_key", "apikey", "private_key", "access_token",
       "accesstoken", "auth_token", "authtoken", "encryption_key", "client_secret"});
  std::string lowered = base::to_lower(name);
  std::ranges::replace(lowered, '-', '_');
  return std::ranges::any_of(kEndings,
                             [&](std::string_view ending) { return lowered.ends_with(ending); });
}

} // namespace pgkeep::catalog::code
