#include "migrate/declare/wanted.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "migrate/polite.h"
#include "migrate/steps.h"
#include "sandbox/like.h"

namespace pgkeep::migrate::declaring {
namespace {

namespace fs = std::filesystem;

/// More would be an endless run of CREATE ROLE.
constexpr std::string_view kDuplicateSchema = "42P06";

/// Roles are the server's, and the folder's files may have made them there already.
bool is_known_role(std::string_view sql, const base::Error& error) {
  constexpr std::string_view duplicate_object = "42710";
  return error.sqlstate == duplicate_object && base::to_lower(sql).starts_with("create ") &&
         error.what.starts_with("role \"");
}

base::Result<> run_statement(const StepStatement& statement, postgres::Connection& database) {
  if (!statement.data) return database.execute(statement.sql);
  PGKEEP_CHECK(database.copy_in(statement.sql, *statement.data));
  return {};
}

base::Result<> run_file(const std::string& path, postgres::Connection& database,
                        sandbox::MissingRoles& roles) {
  PGKEEP_TRY(const std::string text, base::read_file(path));
  const Source source = read_source(path, text, false, fs::path(path).parent_path());
  if (!source.refused.empty()) return source.refused.front();
  for (const lint::Section* const section : source.sections()) {
    for (const lint::Statement& each : section->statements) {
      if (each.origin != lint::Origin::text) continue;
      const StepStatement statement = statement_of(source, each);
      auto done = roles.run([&] { return run_statement(statement, database); });
      if (done || done.error().sqlstate == kDuplicateSchema ||
          is_known_role(statement.sql, done.error()))
        continue;
      base::Error error = std::move(done).error();
      error.where = place_in(statement, database.last_error_position());
      if (error.code == base::Code::sql && error.hint.empty())
        error.hint = "The wanted schema must run on an empty database, from its first line on.";
      return error;
    }
  }
  return {};
}

} // namespace

base::Result<Wanted> open_wanted(const std::string& word) {
  std::error_code ignored;
  if (fs::is_regular_file(word, ignored)) return Wanted{.label = word, .files = {word}};
  if (fs::is_directory(word, ignored)) {
    Wanted wanted{.label = word};
    for (const auto& entry : fs::recursive_directory_iterator(word, ignored)) {
      if (entry.path().extension() == ".sql") wanted.files.push_back(entry.path().string());
    }
    std::ranges::sort(wanted.files);
    if (wanted.files.empty())
      return base::Error{.code = base::Code::usage,
                         .what = "no file in this folder ends in .sql",
                         .where = base::printable(word),
                         .expected = "the wanted schema as SQL"};
    return wanted;
  }
  // A connection string has one of these in it; a file's name that was mistyped has not.
  if (word.find("://") == std::string::npos && word.find('=') == std::string::npos)
    return base::Error{.code = base::Code::usage,
                       .what = "no such file or folder, and not a connection string",
                       .where = base::printable(word),
                       .expected = "a .sql file, a folder of them, a libpq URI or name=value"};
  PGKEEP_TRY(postgres::Connection live,
             postgres::Connection::open(word, {.application_name = "pgkeep/migrate-new"}));
  std::string label = live.label();
  return Wanted{.label = std::move(label), .target = word, .live = std::move(live)};
}

base::Result<std::vector<std::string>> make_wanted(Wanted& wanted, const sandbox::Sandbox& server,
                                                   const std::string& database) {
  if (wanted.live) {
    PGKEEP_TRY(const sandbox::Live facts, sandbox::read_live(*wanted.live));
    return sandbox::copy_schema(wanted.target, *wanted.live, facts, server, database);
  }
  PGKEEP_TRY(postgres::Connection connection, server.connect(database));
  sandbox::MissingRoles roles(server);
  for (const std::string& path : wanted.files)
    PGKEEP_CHECK(run_file(path, connection, roles));
  return std::vector<std::string>{};
}

} // namespace pgkeep::migrate::declaring
