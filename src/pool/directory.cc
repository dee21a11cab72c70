#include "pool/directory.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "pool/ldap_auth.h"
#include "pool/pam_auth.h"
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

base::Error no_pam(std::string where) {
  return {.code = base::Code::unsupported,
          .what = "this program was built without PAM",
          .where = std::move(where),
          .hint = "Install libpam0g-dev and build it again."};
}

base::Result<> read_hba(Directory& directory, const ReadText& read) {
  const Settings& settings = directory.settings();
  if (settings.auth_type == AuthType::pam && !has_pam()) return no_pam("auth_type");
  if (settings.auth_type == AuthType::ldap) {
    PGKEEP_TRY(const std::vector<std::string> words, ldap_words_in(settings.auth_ldap_options));
    if (auto options = ldap_options_of(words); !options)
      return base::with_where(std::move(options).error(), "auth_ldap_options");
  }
  if (settings.auth_type != AuthType::hba) return {};
  PGKEEP_TRY(const std::string text, read(settings.auth_hba_file));
  directory.hba = hba_rules_of(text, read);
  if (!directory.hba.problems.empty())
    return base::Error{.code = base::Code::config,
                       .what = directory.hba.problems.front(),
                       .where = settings.auth_hba_file};
  for (const HbaRule& rule : directory.hba.rules) {
    const std::string where = fmt::format("{}:{}", settings.auth_hba_file, rule.line);
    if (rule.method == HbaMethod::pam && !has_pam()) return no_pam(where);
    if (rule.method == HbaMethod::ldap) {
      if (auto options = ldap_options_of(rule.options); !options)
        return base::with_where(std::move(options).error(), where);
    }
  }
  return {};
}

/// The maps that rules name must be there: without one nobody would come in, and nobody know why.
base::Result<> read_ident(Directory& directory, const ReadText& read) {
  const Settings& settings = directory.settings();
  if (settings.auth_type != AuthType::hba) return {};
  if (!settings.auth_ident_file.empty()) {
    PGKEEP_TRY(const std::string text, read(settings.auth_ident_file));
    directory.ident = ident_map_of(text);
  }
  if (!directory.ident.problems.empty())
    return base::Error{.code = base::Code::config,
                       .what = directory.ident.problems.front(),
                       .where = settings.auth_ident_file};
  for (const HbaRule& rule : directory.hba.rules) {
    if (rule.map.empty() || std::ranges::find(directory.ident.rules, rule.map, &IdentRule::map) !=
                                directory.ident.rules.end())
      continue;
    return base::Error{.code = base::Code::config,
                       .what =
                           fmt::format("hba line {}: ident map {} not found", rule.line, rule.map),
                       .where = fmt::format("{}:{}", settings.auth_hba_file, rule.line),
                       .expected = "a map of auth_ident_file"};
  }
  return {};
}

/// What connections are encrypted with; files of keys are read again, too.
base::Result<> make_tls(Directory& directory) {
  auto tls = make_tls_contexts(directory.settings());
  if (!tls) return base::with_where(std::move(tls).error(), directory.settings().conffile);
  directory.tls = *std::move(tls);
  return {};
}

/// All but the settings, which are there.
base::Result<> complete(Directory& directory, const ReadText& read) {
  const Settings& settings = directory.settings();
  if (auto missing = not_built_of(directory.configuration)) {
    if (missing->where.empty()) missing->where = settings.conffile;
    return *std::move(missing);
  }
  directory.tracked = TrackedNames(settings.track_extra_parameters);
  if (directory.tracked.is_too_long())
    return base::Error{.code = base::Code::config,
                       .what = "too many names in track_extra_parameters",
                       .where = settings.conffile,
                       .expected = fmt::format("no more than {} in all", TrackedNames::kMax)};
  directory.ignored_parameters.clear();
  for (const std::string& name : base::split(settings.ignore_startup_parameters, ','))
    directory.ignored_parameters.emplace(base::trim(name));
  directory.users.clear();
  PGKEEP_CHECK(read_users(directory, read));
  PGKEEP_CHECK(read_hba(directory, read));
  PGKEEP_CHECK(read_ident(directory, read));
  PGKEEP_CHECK(make_tls(directory));
  return {};
}

} // namespace

base::Result<Directory> read_directory(const std::string& path, const ReadText& read) {
  Directory directory;
  PGKEEP_TRY(directory.configuration, read_configuration(path, read));
  directory.mock_secret = base::Secret::random();
  PGKEEP_CHECK(complete(directory, read));
  return directory;
}

base::Result<Reread> reread_directory(const Directory& before, const ReadText& read) {
  Reread again;
  Directory& directory = again.directory;
  PGKEEP_TRY(directory.configuration, read_configuration(before.settings().conffile, read));
  Settings& settings = directory.configuration.settings;
  for (const SettingRow& row : setting_rows()) {
    if (row.is_changeable || shown(settings, row) == shown(before.settings(), row)) continue;
    again.kept.emplace_back(row.name);
    copy(settings, before.settings(), row);
  }
  directory.mock_secret = before.mock_secret;
  PGKEEP_CHECK(complete(directory, read));
  return again;
}

base::Result<Directory> with_setting(const Directory& before, std::string_view name,
                                     std::string_view value) {
  const SettingRow* row = find_setting(name);
  Directory directory = before;
  PGKEEP_CHECK(set(directory.configuration.settings, name, value));
  if (row == nullptr || !row->is_changeable)
    return base::Error{.code = base::Code::config,
                       .what = fmt::format("{} cannot be changed while the pooler runs", name)};
  if (auto missing = not_built_of(directory.configuration)) return *std::move(missing);
  directory.ignored_parameters.clear();
  for (const std::string& each : base::split(directory.settings().ignore_startup_parameters, ','))
    directory.ignored_parameters.emplace(base::trim(each));
  if (name.contains("_tls")) {
    PGKEEP_CHECK(make_tls(directory));
  }
  return directory;
}

} // namespace pgkeep::pool
