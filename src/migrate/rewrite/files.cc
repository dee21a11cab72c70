// The names of the files that come out.
#include <fmt/format.h>

#include "migrate/rewrite/work.h"

namespace pgkeep::migrate::rewriting {
namespace {

struct Parts {
  std::string folder; ///< With its slash.
  std::string name;   ///< "V007__x".
  std::string ending; ///< ".sql", ".up.sql".
};

Parts parts_of(const std::string& path) {
  Parts parts;
  const std::size_t slash = path.find_last_of('/');
  const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
  parts.folder = path.substr(0, begin);
  parts.name = path.substr(begin);
  for (const std::string_view ending : {".up.sql", ".sql"}) {
    if (!parts.name.ends_with(ending)) continue;
    parts.ending = ending;
    parts.name.resize(parts.name.size() - ending.size());
    break;
  }
  if (parts.ending.empty()) parts.ending = ".sql";
  return parts;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// 009 -> 010, 99 -> 100.
std::string next_number(std::string digits) {
  for (std::size_t i = digits.size(); i > 0; --i) {
    if (digits[i - 1] != '9') {
      ++digits[i - 1];
      return digits;
    }
    digits[i - 1] = '0';
  }
  return digits.insert(0, 1, '1');
}

} // namespace

std::string down_path(const std::string& path) {
  const Parts parts = parts_of(path);
  return fmt::format("{}{}.down.sql", parts.folder, parts.name);
}

std::string later_path(const std::string& path) {
  const Parts parts = parts_of(path);
  // The last number of the version: V1_2__x has the version 1.2.
  std::size_t at = parts.name.starts_with('V') ? 1 : 0;
  std::size_t begin = at;
  std::size_t end = at;
  while (at < parts.name.size()) {
    if (is_digit(parts.name[at])) {
      begin = at;
      while (at < parts.name.size() && is_digit(parts.name[at]))
        ++at;
      end = at;
    } else if (at + 1 < parts.name.size() && (parts.name[at] == '.' || parts.name[at] == '_') &&
               is_digit(parts.name[at + 1]) && at > 0 && is_digit(parts.name[at - 1])) {
      ++at;
    } else {
      break;
    }
  }
  if (end == begin) return fmt::format("{}{}_contract{}", parts.folder, parts.name, parts.ending);
  return fmt::format("{}{}{}{}_contract{}", parts.folder, parts.name.substr(0, begin),
                     next_number(parts.name.substr(begin, end - begin)), parts.name.substr(end),
                     parts.ending);
}

} // namespace pgkeep::migrate::rewriting
