#include "pool/user_list.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::pool {
namespace {

/// Takes "text" with "" for " from the front; none where it is not there or has no end.
std::optional<std::string> take_quoted(std::string_view& line) {
  line = base::trim(line);
  if (!line.starts_with('"')) return std::nullopt;
  std::string value;
  for (std::size_t at = 1; at < line.size(); ++at) {
    if (line[at] != '"') {
      value.push_back(line[at]);
    } else if (at + 1 < line.size() && line[at + 1] == '"') {
      value.push_back(line[at++]);
    } else {
      line.remove_prefix(at + 1);
      return value;
    }
  }
  return std::nullopt;
}

} // namespace

base::Result<std::vector<ListedUser>> users_in(std::string_view text, std::string_view path) {
  std::vector<ListedUser> users;
  int number = 0;
  for (const std::string& whole : base::split(text, '\n')) {
    ++number;
    std::string_view line = base::trim(whole);
    if (line.empty() || line.front() == ';' || line.front() == '#') continue;
    auto name = take_quoted(line);
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
