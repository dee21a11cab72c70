#include "base/error.h"

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::base {

namespace {

// Parts come from servers and files: whatever breaks a line becomes one space, whatever steers a
// terminal becomes visible.
std::string one_line(std::string_view part) {
  std::string flat;
  flat.reserve(part.size());
  for (const char c : trim(part)) {
    const bool breaks = c == '\n' || c == '\r' || c == '\t' || c == '\v' || c == '\f';
    const char next = breaks ? ' ' : c;
    if (breaks && !flat.empty() && flat.back() == ' ') continue;
    flat.push_back(next);
  }
  return printable(flat);
}

std::string as_sentence(std::string_view part) {
  std::string sentence = one_line(part);
  if (!sentence.empty() && std::string_view(".!?").find(sentence.back()) == std::string_view::npos)
    sentence += '.';
  return sentence;
}

} // namespace

std::string_view name_of(Code code) noexcept {
  switch (code) {
  case Code::usage:
    return "usage";
  case Code::config:
    return "config";
  case Code::unreachable:
    return "unreachable";
  case Code::refused:
    return "refused";
  case Code::sql:
    return "sql";
  case Code::io:
    return "io";
  case Code::corrupt:
    return "corrupt";
  case Code::timeout:
    return "timeout";
  case Code::cancelled:
    return "cancelled";
  case Code::unsupported:
    return "unsupported";
  }
  return "unknown";
}

std::string to_line(const Error& error) {
  std::string line = "error: ";
  if (!error.where.empty()) line += one_line(error.where) + ": ";
  line += one_line(error.what);
  if (!error.expected.empty()) line += fmt::format(" (expected {})", one_line(error.expected));
  if (error.hint.empty() && error.left.empty()) return line;
  if (!line.ends_with('.')) line += '.';
  if (!error.hint.empty()) line += " " + as_sentence(error.hint);
  if (!error.left.empty()) line += " Left: " + as_sentence(error.left);
  return line;
}

int exit_code(const Error& error) noexcept {
  switch (error.code) {
  case Code::usage:
  case Code::config:
    return 2;
  case Code::unreachable:
  case Code::refused:
    return 3;
  case Code::cancelled:
    return 130;
  case Code::sql:
  case Code::io:
  case Code::corrupt:
  case Code::timeout:
  case Code::unsupported:
    break;
  }
  return error.left.empty() ? 4 : 5;
}

} // namespace pgkeep::base
