#include "pool/directory.h"

#include <fmt/format.h>

#include "base/text.h"
#include "pool/user_list.h"

namespace pgkeep::pool {
namespace {

base::Result<> read_users(Directory& directory, const ReadText& read) {
  const std::string& path = directory.settings().auth_file;
  if (path.empty()) return {};
  PGKEEP_TRY(const std::string text, read(path));
  PGKEEP_TRY(std::vector<ListedUser> users, users_in(text, path));
  for (ListedUser& user : users)
    directory.users.emplace(std::move(user.name), std::move(user.stored));
  return {};
}

base::Result<> read_hba(Directory& directory, const ReadText& read) {
  const Settings& settings = directory.settings();
  if (settings.auth_type != AuthType::hba) return {};
  PGKEEP_TRY(const std::string text, read(settings.auth_hba_file));
  directory.hba = hba_rules_of(text, read);
  if (!directory.hba.problems.empty())
    return base::Error{.code = base::Code::config,
                       .what = directory.hba.problems.front(),
                       .where = settings.auth_hba_file};
  for (const HbaRule& rule : directory.hba.rules) {
    if (rule.method != HbaMethod::peer && rule.method != HbaMethod::cert &&
        rule.method != HbaMethod::ldap)
      continue;
    return base::Error{.code = base::Code::unsupported,
                       .what = "the methods peer, cert and ldap are not built yet",
                       .where = fmt::format("{}:{}", settings.auth_hba_file, rule.line)};
  }
  return {};
}

} // namespace

base::Result<Directory> read_directory(const std::string& path, const ReadText& read) {
  Directory directory;
  PGKEEP_TRY(directory.configuration, read_configuration(path, read));
  if (auto missing = not_built_of(directory.configuration)) {
    if (missing->where.empty()) missing->where = path;
    return *std::move(missing);
  }
  const Settings& settings = directory.settings();
  directory.tracked = TrackedNames(settings.track_extra_parameters);
  if (directory.tracked.is_too_long())
    return base::Error{.code = base::Code::config,
                       .what = "too many names in track_extra_parameters",
                       .where = path,
                       .expected = fmt::format("no more than {} in all", TrackedNames::kMax)};
  for (const std::string& name : base::split(settings.ignore_startup_parameters, ','))
    directory.ignored_parameters.emplace(base::trim(name));
  directory.mock_secret = base::Secret::random();
  PGKEEP_CHECK(read_users(directory, read));
  PGKEEP_CHECK(read_hba(directory, read));
  return directory;
}

} // namespace pgkeep::pool
