#include "migrate/declare/wanted.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"
#include "postgres/sql_parser.h"
#include "sandbox/like.h"

namespace pgkeep::migrate::declaring {
namespace {

namespace fs = std::filesystem;

/// More would be an endless run of CREATE ROLE.
constexpr int kRolesMax = 100;
constexpr std::string_view kDuplicateSchema = "42P06";
constexpr std::string_view kUndefinedObject = "42704";

/// The bytes that so many characters of UTF-8 take.
std::size_t bytes_of(std::string_view text, int characters) {
  std::size_t at = 0;
  while (at < text.size() && characters > 0) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U)
      ++at;
    --characters;
  }
  return at;
}

/// Roles are the server's, and the folder's files may have made them there already.
bool is_known_role(std::string_view sql, const base::Error& error) {
  constexpr std::string_view duplicate_object = "42710";
  return error.sqlstate == duplicate_object && base::to_lower(sql).starts_with("create ") &&
         error.what.starts_with("role \"");
}

/// What psql alone understands, as pg_dump writes it; blanks in its place keep places right.
std::string without_psql(std::string text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (line.starts_with("\\restrict ") || line.starts_with("\\unrestrict "))
      std::fill(text.begin() + static_cast<std::ptrdiff_t>(at),
                text.begin() + static_cast<std::ptrdiff_t>(end), ' ');
    at = end + 1;
  }
  return text;
}

base::Result<> run_file(const std::string& path, postgres::Connection& database,
                        const sandbox::Sandbox& server, int& roles_made) {
  PGKEEP_TRY(std::string text, base::read_file(path));
  text = without_psql(std::move(text));
  auto split = postgres::split_statements(text);
  const std::vector<postgres::StatementText> statements =
      split ? std::move(*split) : postgres::split_roughly(text);
  for (const postgres::StatementText& each : statements) {
    auto done = database.execute(each.sql);
    while (!done && roles_made < kRolesMax) {
      const auto role = unknown_role(done.error());
      if (!role) break;
      ++roles_made;
      PGKEEP_CHECK(sandbox::create_roles({*role}, server));
      done = database.execute(each.sql);
    }
    if (done || done.error().sqlstate == kDuplicateSchema || is_known_role(each.sql, done.error()))
      continue;
    base::Error error = std::move(done).error();
    const int position = database.last_error_position();
    const std::size_t inside = position > 0 ? bytes_of(each.sql, position - 1) : 0;
    error.where = place_in(path, text, each.offset + inside);
    if (error.code == base::Code::sql && error.hint.empty())
      error.hint = "The wanted schema must run on an empty database, from its first line on.";
    return error;
  }
  return {};
}

} // namespace

std::optional<std::string> unknown_role(const base::Error& error) {
  constexpr std::string_view front = "role \"";
  if (error.sqlstate != kUndefinedObject || !error.what.starts_with(front)) return std::nullopt;
  const std::size_t end = error.what.find("\" does not exist");
  if (end == std::string::npos) return std::nullopt;
  return error.what.substr(front.size(), end - front.size());
}

std::string place_in(const std::string& path, std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const auto line = std::ranges::count(before, '\n') + 1;
  const std::size_t start = before.rfind('\n');
  const std::size_t column =
      start == std::string_view::npos ? before.size() + 1 : before.size() - start;
  return fmt::format("{}:{}:{}", path, line, column);
}

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
  int roles_made = 0;
  for (const std::string& path : wanted.files)
    PGKEEP_CHECK(run_file(path, connection, server, roles_made));
  return std::vector<std::string>{};
}

} // namespace pgkeep::migrate::declaring
