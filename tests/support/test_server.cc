#include "support/test_server.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/process.h"
#include "base/text.h"
#include "postgres/quote.h"

namespace pgkeep::test {
namespace {

namespace fs = std::filesystem;

/// Part of the template's name: a template made with other arguments must not be used.
constexpr int kTemplateFormat = 1;
constexpr std::chrono::milliseconds kStopLimit{30'000};

/// Nothing here may make one rule's case true for another by chance: statistics are never collected
/// by themselves, and all that a case may need (slots, prepared transactions, pg_stat_statements)
/// is there.
Settings default_settings(const fs::path& directory) {
  return {{"listen_addresses", ""},
          {"unix_socket_directories", directory.string()},
          {"unix_socket_permissions", "0777"},
          {"fsync", "off"},
          {"shared_buffers", "32MB"},
          {"huge_pages", "off"},
          {"max_connections", "60"},
          {"max_prepared_transactions", "10"},
          {"wal_level", "logical"},
          {"max_wal_size", "4GB"},
          {"autovacuum_naptime", "1d"},
          {"shared_preload_libraries", "pg_stat_statements"},
          {"track_io_timing", "on"},
          {"log_timezone", "UTC"},
          {"timezone", "UTC"}};
}

base::Error failed(std::string what, const fs::path& where) {
  return {.code = base::Code::io, .what = std::move(what), .where = where.string()};
}

base::Result<fs::path> make_folder(const std::optional<base::Account>& owner) {
  std::string pattern = (fs::temp_directory_path() / "pgkeep-test-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    return failed("cannot make a temporary folder", pattern);
  // The server's account makes its data folder in it, and root looks into it.
  if (owner && ::chown(pattern.c_str(), owner->uid, owner->gid) != 0) {
    return failed("cannot give the folder to the server's account", pattern);
  }
  return fs::path(pattern);
}

fs::path template_folder(const postgres::ServerBinaries& binaries) {
  // The same version from another package is another template: catalogs may differ.
  const std::size_t package = std::hash<std::string>{}(binaries.bin.string());
  return fs::temp_directory_path() / fmt::format("pgkeep-test-template-{}-{}-{:x}-{}", ::geteuid(),
                                                 postgres::to_text(binaries.version),
                                                 package & 0xffffffU, kTemplateFormat);
}

/// Makes the template where it is missing. Made aside and renamed: another test program either sees
/// a whole template or none.
base::Result<fs::path> find_template(const postgres::ServerBinaries& binaries,
                                     const std::optional<base::Account>& account) {
  const fs::path made = template_folder(binaries);
  std::error_code error;
  if (fs::exists(made / "PG_VERSION", error)) return made;
  PGKEEP_TRY(const fs::path folder, make_folder(account));
  const fs::path aside = folder / "data";
  PGKEEP_CHECK(postgres::init_cluster({.binaries = binaries,
                                       .data = aside,
                                       .run_as = account,
                                       .sync = false,
                                       .extra_arguments = {"--auth-local=trust"}}));
  fs::rename(aside, made, error);
  const bool is_there = fs::exists(made / "PG_VERSION");
  fs::remove_all(folder, error);
  if (!is_there) return failed("cannot keep the template cluster", made);
  return made;
}

base::Result<std::vector<postgres::ServerBinaries>> find_servers() {
  const char* const named = std::getenv("PGKEEP_TEST_SERVER_BINS");
  std::vector<postgres::ServerBinaries> servers;
  if (named == nullptr || std::string_view(named).empty()) {
    PGKEEP_TRY(servers, postgres::find_server_binaries());
  } else {
    for (const std::string& folder : base::split(named, ':')) {
      if (folder.empty()) continue;
      PGKEEP_TRY(const auto found, postgres::find_server_binaries(fs::path(folder)));
      servers.insert(servers.end(), found.begin(), found.end());
    }
  }
  std::ranges::sort(servers, {}, &postgres::ServerBinaries::version);
  return servers;
}

/// Runs statements that a query made.
base::Result<> run_each(postgres::Connection& connection, const postgres::Rows& statements) {
  for (int row = 0; row < statements.count(); ++row) {
    for (const std::string& sql : base::split(statements.text(row, 0), ';')) {
      PGKEEP_CHECK(connection.execute(sql));
    }
  }
  return {};
}

/// What keeps DROP DATABASE from working, and would live on in the cluster.
base::Result<> let_go(postgres::Connection& admin, const std::string& database) {
  const std::vector<std::optional<std::string>> parameters{database};
  PGKEEP_TRY(const postgres::Rows there,
             admin.query("SELECT 1 FROM pg_database WHERE datname = $1", parameters));
  if (there.count() == 0) return {};
  {
    PGKEEP_TRY(postgres::Connection inside, admin.open_database(database));
    PGKEEP_TRY(
        const postgres::Rows prepared,
        inside.query("SELECT 'ROLLBACK PREPARED ' || quote_literal(gid) FROM pg_prepared_xacts "
                     "WHERE database = $1",
                     parameters));
    PGKEEP_CHECK(run_each(inside, prepared));
    PGKEEP_TRY(
        const postgres::Rows subscriptions,
        inside.query("SELECT format('ALTER SUBSCRIPTION %1$I DISABLE; "
                     "ALTER SUBSCRIPTION %1$I SET (slot_name = NONE); DROP SUBSCRIPTION %1$I', "
                     "subname) FROM pg_subscription s JOIN pg_database d ON d.oid = subdbid "
                     "WHERE datname = $1",
                     parameters));
    PGKEEP_CHECK(run_each(inside, subscriptions));
  }
  PGKEEP_CHECK(admin.query("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
                           "WHERE NOT active AND (database = $1 OR database IS NULL)",
                           parameters));
  return {};
}

} // namespace

const std::vector<postgres::ServerBinaries>& servers_under_test() {
  static const std::vector<postgres::ServerBinaries> servers = [] {
    auto found = find_servers();
    if (!found) {
      std::fputs(fmt::format("{}\n", base::to_line(found.error())).c_str(), stderr);
      std::exit(EXIT_FAILURE);
    }
    return *std::move(found);
  }();
  return servers;
}

base::Result<std::unique_ptr<TestServer>>
TestServer::start(const postgres::ServerBinaries& binaries, const Settings& settings) {
  std::unique_ptr<TestServer> server(new TestServer);
  server->binaries_ = binaries;
  PGKEEP_TRY(server->account_, postgres::server_account());
  PGKEEP_TRY(const fs::path model, find_template(binaries, server->account_));
  PGKEEP_TRY(server->directory_, make_folder(server->account_));
  server->data_ = server->directory_ / "data";
  server->log_ = server->directory_ / "server.log";
  PGKEEP_CHECK(base::run_checked(
      {.argv = {"cp", "-a", "--reflink=auto", model.string(), server->data_.string()}}));
  server->settings_ = default_settings(server->directory_);
  PGKEEP_CHECK(server->start_here(settings));
  return server;
}

base::Result<> TestServer::start_here(const Settings& settings) {
  for (const auto& [name, value] : settings) {
    const auto known = std::ranges::find(settings_, name, &Settings::value_type::first);
    if (known == settings_.end()) {
      settings_.emplace_back(name, value);
    } else {
      known->second = value;
    }
  }
  // In a file, not on the command line: ALTER SYSTEM must win, for fixes are tried here.
  std::string text;
  for (const auto& [name, value] : settings_) {
    text += fmt::format("{} = '{}'\n", name, base::replace_all(value, "'", "''"));
  }
  PGKEEP_CHECK(
      base::write_file_durably(data_ / "postgresql.conf", text, {.mode = 0600, .owner = account_}));
  PGKEEP_CHECK(postgres::start_server(
      {.binaries = binaries_, .data = data_, .run_as = account_, .log_file = log_}));
  return {};
}

TestServer::~TestServer() {
  if (directory_.empty()) return;
  if (auto stopped = stop(postgres::Shutdown::immediate); !stopped) {
    std::fputs(fmt::format("{}\n", base::to_line(stopped.error())).c_str(), stderr);
  }
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

std::string TestServer::conninfo(std::string_view database, std::string_view user) const {
  // Values in single quotes, as libpq wants them; names in tests have neither quotes nor
  // backslashes.
  return fmt::format("host='{}' port=5432 dbname='{}' user='{}'", directory_.string(), database,
                     user);
}

base::Result<postgres::Connection> TestServer::connect(std::string_view database,
                                                       std::string_view user) const {
  PGKEEP_TRY(
      postgres::Connection connection,
      postgres::Connection::open(conninfo(database, user), {.application_name = "pgkeep-test",
                                                            .read_only = false,
                                                            .statement_limit = std::nullopt,
                                                            .lock_limit = std::nullopt}));
  // Our connections look into pg_catalog only; scripts are written for psql.
  PGKEEP_CHECK(connection.execute("SET search_path = \"$user\", public"));
  return connection;
}

base::Result<> TestServer::create_database(const std::string& name) {
  PGKEEP_CHECK(drop_database(name));
  PGKEEP_TRY(postgres::Connection admin, connect());
  return admin.execute(
      fmt::format("CREATE DATABASE {} TEMPLATE template0", postgres::quote_identifier(name)));
}

base::Result<> TestServer::drop_database(const std::string& name) {
  PGKEEP_TRY(postgres::Connection admin, connect());
  PGKEEP_CHECK(let_go(admin, name));
  return admin.execute(
      fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE)", postgres::quote_identifier(name)));
}

base::Result<> TestServer::stop(postgres::Shutdown mode) {
  return postgres::stop_server(data_, mode, kStopLimit);
}

base::Result<> TestServer::restart(const Settings& settings) {
  PGKEEP_CHECK(stop());
  return start_here(settings);
}

} // namespace pgkeep::test
