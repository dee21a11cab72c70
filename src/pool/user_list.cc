#include "pool/user_list.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "pool/quoted.h"

namespace pgkeep::pool {

base::Result<std::vector<ListedUser>> users_in(std::string_view text, std::string_view path) {
  std::vector<ListedUser> users;
  int number = 0;
  for (const std::string& whole : base::split(text, '\n')) {
    ++number;
    std::string_view line = base::trim(whole);
    if (line.empty() || line.front() == ';' || line.front() == '#') continue;
    auto name = take_quoted(line);
    line = base::trim(line);
    auto stored = name ? take_quoted(line) : std::nullopt;
    if (!stored || name->empty())
      return base::Error{.code = base::Code::config,
                         .what = "broken auth file",
                         .where = fmt::format("{}:{}", path, number),
                         .expected = "\"user\" \"password\" in double quotes"};
    ListedUser user{.name = *std::move(name), .stored = base::Secret(*std::move(stored))};
    const auto same = std::ranges::find(users, user.name, &ListedUser::name);
    if (same == users.end()) {
      users.push_back(std::move(user));
    } else {
      *same = std::move(user);
    }
  }
  return users;
}

} // namespace pgkeep::pool
