#include "support/test_server.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "base/text.h"

namespace pgkeep::test {
namespace {

namespace fs = std::filesystem;

/// Nothing here may make one rule's case true for another by chance: statistics are never collected
/// by themselves, and all that a case may need (slots, prepared transactions, pg_stat_statements)
/// is there.
Settings default_settings() {
  return {{"shared_buffers", "32MB"},
          {"max_connections", "60"},
          {"max_wal_size", "4GB"},
          {"checkpoint_timeout", "5min"},
          {"autovacuum", "on"},
          {"autovacuum_naptime", "1d"},
          {"shared_preload_libraries", "pg_stat_statements"},
          {"track_io_timing", "on"}};
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
  Settings all = default_settings();
  // Later ones win.
  all.insert(all.end(), settings.begin(), settings.end());
  PGKEEP_TRY(auto made, sandbox::Sandbox::start(binaries, all));
  return std::unique_ptr<TestServer>(new TestServer(std::move(made)));
}

std::string TestServer::conninfo(std::string_view database, std::string_view user) const {
  return sandbox_->conninfo(database, user);
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
  return sandbox_->create_database(name);
}

base::Result<> TestServer::drop_database(const std::string& name) {
  PGKEEP_TRY(postgres::Connection admin, connect());
  PGKEEP_CHECK(let_go(admin, name));
  return sandbox_->drop_database(name);
}

base::Result<> TestServer::stop(postgres::Shutdown mode) {
  return sandbox_->stop(mode);
}

base::Result<> TestServer::restart(const Settings& settings) {
  return sandbox_->restart(settings);
}

} // namespace pgkeep::test
