/// Assignments in a line of any of the usual languages and file formats: NAME=value, name: "value",
/// 'name' => 'value', ENV NAME value. Private to src/catalog. Thread-safety: views into the line.
#pragma once

#include <string_view>
#include <vector>

namespace pgkeep::catalog::code {

struct Assignment {
  std::string_view name;
  std::string_view value;
  bool is_quoted = false;
};

/// Unquoted values end at white space, or with `to_line_end` at the end of the line or " #".
std::vector<Assignment> find_assignments(std::string_view line, bool to_line_end);

/// DB_PASSWORD, password, api-key, SECRET_KEY_BASE: names whose values are secrets.
bool is_secret_name(std::string_view name);

} // namespace pgkeep::catalog::code
