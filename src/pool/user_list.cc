#include "pool/user_list.h"

#include <algorithm>

#include "base/text.h"
#include "pool/quoted.h"

namespace pgkeep::pool {
namespace {

/// What stands between a name and its password counts for nothing.
std::optional<std::string> take_password(std::string_view line) {
  line.remove_prefix(std::min(line.find('"'), line.size()));
  return take_quoted(line);
}

} // namespace

UserList users_in(std::string_view text) {
  UserList list;
  int number = 0;
  for (const std::string& whole : base::split(text, '\n')) {
    ++number;
    std::string_view line = base::trim(whole);
    if (line.empty() || line.front() == ';' || line.front() == '#') continue;
    auto name = take_quoted(line);
    if (!name) {
      list.end = {.line = number, .what = "broken auth file"};
      break;
    }
    auto stored = take_password(line);
    if (name->empty() || !stored) {
      list.skipped.push_back(
          {.line = number,
           .what = name->empty() ? "a user without a name" : "a user without a password"});
      continue;
    }
    list.users.insert_or_assign(*std::move(name), base::Secret(*std::move(stored)));
  }
  return list;
}

} // namespace pgkeep::pool
