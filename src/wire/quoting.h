/// Values and names inside of SQL that the pooler itself says to a server. Threads: pure functions.
/// Source: PostgreSQL manual, sql-syntax-lexical (constants, identifiers).
#pragma once

#include <string>
#include <string_view>

namespace pgkeep::wire {

/// As a literal that reads the same with standard_conforming_strings on and off.
inline std::string literal(std::string_view value) {
  std::string text = value.find('\\') == std::string_view::npos ? "'" : "E'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text.push_back(c);
    text.push_back(c);
  }
  return text + "'";
}

inline std::string identifier(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"') text.push_back(c);
    text.push_back(c);
  }
  return text + "\"";
}

/// Takes a value in the form in which the server tells it, lists in their quotes too, where SET
/// would put it into quotes once more.
inline std::string set_config(std::string_view name, std::string_view value) {
  return "SELECT pg_catalog.set_config(" + literal(name) + "," + literal(value) + ",false);";
}

} // namespace pgkeep::wire
