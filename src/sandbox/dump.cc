// The connection goes to pg_dump as a service file with everything but the password, which is in a
// passfile; both in a folder that only we may enter. Neither argv nor the environment names more
// than that folder.
#include "sandbox/dump.h"

#include <stdlib.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "base/files.h"
#include "base/process.h"
#include "base/text.h"
#include "postgres/cluster.h"
#include "postgres/connect.h"
#include "postgres/sql_parser.h"

namespace pgkeep::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kVersionLimit{10'000};
constexpr std::chrono::milliseconds kDumpLimit{600'000};

/// 0700, gone with this object.
class SecretFolder {
public:
  SecretFolder() = default;
  SecretFolder(const SecretFolder&) = delete;
  SecretFolder& operator=(const SecretFolder&) = delete;
  ~SecretFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  base::Result<> make() {
    std::string name = "/tmp/pgkeep-dump-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
      return base::Error{.code = base::Code::io,
                         .what = fmt::format("cannot make a temporary folder: {}",
                                             std::generic_category().message(errno)),
                         .where = name};
    path_ = name;
    return {};
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

private:
  fs::path path_;
};

/// 0 where it cannot be run.
int major_of(const std::string& program) {
  const auto output =
      base::run_process({.argv = {program, "--version"}, .time_limit = kVersionLimit});
  if (!output || output->exit_status != 0) return 0;
  constexpr std::string_view mark = "(PostgreSQL) ";
  const std::size_t at = output->out.find(mark);
  if (at == std::string::npos) return 0;
  int major = 0;
  const char* const begin = output->out.data() + at + mark.size();
  std::from_chars(begin, output->out.data() + output->out.size(), major);
  return major;
}

base::Result<std::string> find_dump(int major, const fs::path& server_bin) {
  std::vector<std::string> programs = {(server_bin / "pg_dump").string()};
  if (const auto all = postgres::find_server_binaries()) {
    for (const postgres::ServerBinaries& each : *all)
      programs.push_back((each.bin / "pg_dump").string());
  }
  programs.emplace_back("pg_dump");
  int newest = 0;
  for (const std::string& program : programs) {
    const int found = major_of(program);
    if (found >= major) return program;
    newest = std::max(newest, found);
  }
  return base::Error{
      .code = base::Code::unsupported,
      .what = newest == 0 ? fmt::format("there is no pg_dump on this machine, and the schema of a "
                                        "PostgreSQL {} is wanted",
                                        major)
                          : fmt::format("the pg_dump of this machine is of PostgreSQL {}, too old "
                                        "for the schema of a PostgreSQL {}",
                                        newest, major),
      .expected = fmt::format("pg_dump of PostgreSQL {} or newer", major),
      .hint = fmt::format("Install it: apt install postgresql-client-{}.", major)};
}

std::string escaped(std::string_view field) {
  return base::replace_all(base::replace_all(std::string(field), "\\", "\\\\"), ":", "\\:");
}

/// Writes both files; returns the environment that names them.
base::Result<std::vector<std::string>>
write_service(const std::string& target, const postgres::Connection& live, const fs::path& folder) {
  PGKEEP_TRY(postgres::Conninfo conninfo, postgres::parse_conninfo(target));
  std::string password = conninfo.get("password");
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes the environment.
  const char* const from_environment = ::getenv("PGPASSWORD");
  if (password.empty() && from_environment != nullptr) password = from_environment;
  std::vector<std::string> environment = {
      fmt::format("PGSERVICEFILE={}", (folder / "service").string()), "PGSERVICE=live",
      "PGAPPNAME=pgkeep/pg_dump"};
  const bool is_one_host = conninfo.get("host").find(',') == std::string::npos;
  std::string service = "[live]\n";
  for (const auto& [keyword, value] : conninfo.values) {
    const bool is_told_apart = keyword == "password" || keyword == "service" || keyword == "host" ||
                               keyword == "port" || keyword == "dbname" || keyword == "user" ||
                               keyword == "passfile" || keyword == "application_name" ||
                               (keyword == "hostaddr" && !is_one_host);
    if (!is_told_apart && !value.empty() && value.find('\n') == std::string::npos)
      service += fmt::format("{}={}\n", keyword, value);
  }
  service += fmt::format("host={}\nport={}\ndbname={}\nuser={}\n", live.host(), live.port(),
                         live.database(), live.user());
  for (const char* const name :
       {"PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGPASSFILE", "HOME"}) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): as above.
    const char* const value = ::getenv(name);
    const bool is_ours = std::string_view(name) == "PGPASSFILE" && !password.empty();
    if (value != nullptr && !is_ours) environment.push_back(fmt::format("{}={}", name, value));
  }
  if (!password.empty()) {
    const fs::path passfile = folder / "passfile";
    PGKEEP_CHECK(base::write_file_durably(passfile, fmt::format("*:*:*:*:{}\n", escaped(password)),
                                          {.mode = 0600}));
    environment.push_back(fmt::format("PGPASSFILE={}", passfile.string()));
  } else if (const std::string passfile = conninfo.get("passfile"); !passfile.empty()) {
    environment.push_back(fmt::format("PGPASSFILE={}", passfile));
  }
  PGKEEP_CHECK(base::write_file_durably(folder / "service", service, {.mode = 0600}));
  return environment;
}

/// At the lines "-- Name: ...; Type: ...;" of pg_dump.
std::vector<std::string> at_headings(std::string_view dump) {
  constexpr std::string_view heading = "\n--\n-- Name: ";
  std::vector<std::string> pieces;
  std::size_t begin = 0;
  while (begin < dump.size()) {
    const std::size_t next = dump.find(heading, begin + 1);
    pieces.emplace_back(dump.substr(begin, next - begin));
    if (next == std::string_view::npos) break;
    begin = next;
  }
  return pieces;
}

} // namespace

std::string without_restrict(std::string_view dump) {
  // Between the two lines a line that begins like one of them may belong to a function's body: only
  // the key of the first counts.
  constexpr std::string_view mark = "\\restrict ";
  std::string key;
  std::string text;
  for (const std::string& line : base::split(dump, '\n')) {
    if (key.empty() && line.starts_with(mark)) {
      key = line.substr(mark.size());
    } else if (key.empty() || line != "\\unrestrict " + key) {
      text += line + "\n";
    }
  }
  return text;
}

std::vector<std::string> statements_of_dump(std::string_view dump) {
  std::vector<std::string> statements;
  if (const auto split = postgres::split_statements(dump)) {
    for (const postgres::StatementText& each : *split)
      statements.push_back(each.sql);
    return statements;
  }
  return at_headings(dump);
}

base::Result<std::string> dump_schema(const std::string& target, const postgres::Connection& live,
                                      const fs::path& server_bin,
                                      std::span<const std::string_view> options) {
  PGKEEP_TRY(const std::string program, find_dump(live.version().major(), server_bin));
  SecretFolder folder;
  PGKEEP_CHECK(folder.make());
  PGKEEP_TRY(std::vector<std::string> environment, write_service(target, live, folder.path()));
  const fs::path file = folder.path() / "schema.sql";
  // It locks every table against being dropped; it must not wait for somebody's DDL meanwhile.
  std::vector<std::string> argv = {program,
                                   "--schema-only",
                                   "--exclude-schema=pgkeep",
                                   "--no-password",
                                   "--lock-wait-timeout=5000",
                                   "--file=" + file.string()};
  argv.insert(argv.end(), options.begin(), options.end());
  auto done = base::run_checked(
      {.argv = std::move(argv), .environment = std::move(environment), .time_limit = kDumpLimit});
  if (!done) return base::with_where(std::move(done).error(), live.label());
  PGKEEP_TRY(const std::string text, base::read_file(file));
  return without_restrict(text);
}

} // namespace pgkeep::sandbox
