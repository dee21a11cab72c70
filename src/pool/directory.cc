#include "pool/directory.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "pool/ldap_auth.h"
#include "pool/log.h"
#include "pool/metrics.h"
#include "pool/pam_auth.h"
#include "pool/user_list.h"

namespace pgkeep::pool {
namespace {

void add_problems(Directory& directory, std::string_view kind, const std::string& path,
                  const std::vector<LineProblem>& problems) {
  for (const LineProblem& each : problems)
    directory.problems.push_back(
        {.where = fmt::format("{}:{}", path, each.line),
         .what = fmt::format("could not parse {} config line {}: {}", kind, each.line, each.what)});
}

void add_unread(Directory& directory, std::string_view kind, const std::string& path,
                const base::Error& why) {
  directory.problems.push_back(
      {.kind = FileProblem::Kind::error,
       .where = {},
       .what = fmt::format("could not open {} {}: {}", kind, path, why.what)});
}

/// `before`: whose users stay where the file cannot be read; null at a start.
void read_users(Directory& directory, const ReadText& read, const Directory* before) {
  const std::string& path = directory.settings().auth_file;
  if (path.empty()) return;
  const auto text = read(path);
  if (!text) {
    add_unread(directory, "auth_file", path, text.error());
    if (before != nullptr) directory.users = before->users;
    return;
  }
  UserList list = users_in(*text);
  directory.users = std::move(list.users);
  for (LineProblem& each : list.skipped)
    directory.problems.push_back(
        {.where = fmt::format("{}:{}", path, each.line), .what = std::move(each.what)});
  if (list.end)
    directory.problems.push_back({.kind = FileProblem::Kind::error,
                                  .where = fmt::format("{}:{}", path, list.end->line),
                                  .what = std::move(list.end->what)});
}

base::Result<> check_auth_type(const Settings& settings) {
  if (settings.auth_type == AuthType::pam && !has_pam())
    return base::Error{.code = base::Code::unsupported,
                       .what = "this program was built without PAM",
                       .where = "auth_type",
                       .hint = "Install libpam0g-dev and build it again."};
  if (settings.auth_type == AuthType::ldap) {
    PGKEEP_TRY(const std::vector<std::string> words, ldap_words_in(settings.auth_ldap_options));
    if (auto options = ldap_options_of(words); !options)
      return base::with_where(std::move(options).error(), "auth_ldap_options");
  }
  return {};
}

void read_ident(Directory& directory, const ReadText& read) {
  const std::string& path = directory.settings().auth_ident_file;
  if (path.empty()) return;
  const auto text = read(path);
  if (!text) {
    add_unread(directory, "ident config file", path, text.error());
    return;
  }
  directory.ident = ident_map_of(*text);
  add_problems(directory, "ident", path, directory.ident.problems);
}

/// Why nobody could come in by a rule that is well-formed; empty: somebody can.
std::string useless(const HbaRule& rule, const IdentMap& ident) {
  if (rule.method == HbaMethod::pam && !has_pam()) return "this program was built without PAM";
  if (rule.map.empty() ||
      std::ranges::find(ident.rules, rule.map, &IdentRule::map) != ident.rules.end())
    return {};
  return fmt::format("ident map {} is not found in ident config file", rule.map);
}

/// Whom a missing file lets in is nobody.
void read_hba(Directory& directory, const ReadText& read) {
  const std::string& path = directory.settings().auth_hba_file;
  const auto text = read(path);
  if (!text) {
    add_unread(directory, "hba config file", path, text.error());
    return;
  }
  HbaRules& hba = directory.hba;
  hba = hba_rules_of(*text, path, read);
  std::erase_if(hba.rules, [&](const HbaRule& rule) {
    std::string why = useless(rule, directory.ident);
    if (why.empty()) return false;
    hba.problems.push_back({.line = rule.line, .what = std::move(why)});
    return true;
  });
  std::ranges::sort(hba.problems, {}, &LineProblem::line);
  add_problems(directory, "hba", path, hba.problems);
  for (const HbaRule& rule : hba.rules) { // It keeps its place: what stands below is for others.
    if (rule.method != HbaMethod::ldap) continue;
    if (auto options = ldap_options_of(rule.options); !options)
      directory.problems.push_back(
          {.where = fmt::format("{}:{}", path, rule.line),
           .what = fmt::format("nobody comes in by this line: {}", options.error().what)});
  }
}

/// What connections are encrypted with; files of keys are read again, too.
base::Result<> make_tls(Directory& directory) {
  auto tls = make_tls_contexts(directory.settings());
  if (!tls) return base::with_where(std::move(tls).error(), directory.settings().conffile);
  directory.tls = *std::move(tls);
  return {};
}

/// The log goes to syslog all the same.
std::string problem_of_facility(const Settings& settings) {
  if (syslog_facility_of(settings.syslog_facility)) return {};
  return fmt::format(
      "invalid value \"{}\" for parameter syslog_facility: daemon is taken (expected "
      "one of auth, authpriv, daemon, user, local0 to local7)",
      settings.syslog_facility);
}

/// All but the settings, which are there. `before`: see read_users().
base::Result<> complete(Directory& directory, const ReadText& read, const Directory* before) {
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
  directory.problems = directory.configuration.problems;
  if (std::string problem = problem_of_facility(settings); !problem.empty())
    directory.problems.push_back({.where = settings.conffile, .what = std::move(problem)});
  if (auto address = metrics_address(settings.metrics_listen); !address)
    return base::with_where(std::move(address).error(), settings.conffile);
  PGKEEP_CHECK(check_auth_type(settings));
  read_users(directory, read, before);
  if (settings.auth_type == AuthType::hba) {
    read_ident(directory, read);
    read_hba(directory, read);
  }
  PGKEEP_CHECK(make_tls(directory));
  return {};
}

} // namespace

base::Result<Directory> read_directory(const std::string& path, const ReadText& read) {
  Directory directory;
  PGKEEP_TRY(directory.configuration, read_configuration(path, read));
  directory.mock_secret = base::Secret::random();
  PGKEEP_CHECK(complete(directory, read, nullptr));
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
  PGKEEP_CHECK(complete(directory, read, &before));
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
  if (std::string problem = problem_of_facility(directory.settings());
      !problem.empty() && name == "syslog_facility")
    return base::Error{.code = base::Code::config, .what = std::move(problem)};
  directory.ignored_parameters.clear();
  for (const std::string& each : base::split(directory.settings().ignore_startup_parameters, ','))
    directory.ignored_parameters.emplace(base::trim(each));
  if (name.contains("_tls")) {
    PGKEEP_CHECK(make_tls(directory));
  }
  return directory;
}

} // namespace pgkeep::pool
