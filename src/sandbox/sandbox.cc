#include "sandbox/sandbox.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "postgres/quote.h"
#include "sandbox/folder.h"
#include "sandbox/pristine.h"

namespace pgkeep::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kStopLimit{30'000};

/// Nothing may happen by itself: what is measured is what was asked for. Checkpoints are rare, so
/// that the volume of WAL does not depend on when one came by.
Settings own_settings(const fs::path& directory) {
  return {{"listen_addresses", ""},
          {"unix_socket_directories", directory.string()},
          {"unix_socket_permissions", "0777"},
          {"fsync", "off"},
          {"shared_buffers", "64MB"},
          {"huge_pages", "off"},
          {"max_connections", "20"},
          {"max_prepared_transactions", "10"},
          {"wal_level", "logical"},
          {"max_wal_size", "8GB"},
          {"checkpoint_timeout", "1d"},
          {"autovacuum", "off"},
          {"lc_messages", "C"},
          {"log_timezone", "UTC"},
          {"timezone", "UTC"}};
}

} // namespace

base::Result<postgres::ServerBinaries> find_server(const std::optional<fs::path>& pg_bin,
                                                   std::optional<int> major) {
  PGKEEP_TRY(const std::vector<postgres::ServerBinaries> all,
             postgres::find_server_binaries(pg_bin));
  for (const postgres::ServerBinaries& each : all) {
    if (!major || each.version.major() == *major) return each;
  }
  std::vector<std::string> there;
  there.reserve(all.size());
  for (const postgres::ServerBinaries& each : all)
    there.push_back(postgres::to_text(each.version));
  return base::Error{
      .code = base::Code::unsupported,
      .what = fmt::format("no server programs of PostgreSQL {} are on this machine, only of {}",
                          *major, base::join(there, ", ")),
      .hint = fmt::format("Install them (apt install postgresql-{}), or name their folder with "
                          "--pg-bin.",
                          *major)};
}

base::Result<std::unique_ptr<Sandbox>> Sandbox::start(const postgres::ServerBinaries& binaries,
                                                      const Settings& settings) {
  std::unique_ptr<Sandbox> sandbox(new Sandbox);
  sandbox->binaries_ = binaries;
  PGKEEP_TRY(sandbox->account_, postgres::server_account());
  sweep_folders(sandbox->account_);
  PGKEEP_TRY(sandbox->directory_, make_folder(sandbox->account_));
  sandbox->data_ = sandbox->directory_ / "data";
  sandbox->log_ = sandbox->directory_ / "server.log";
  PGKEEP_CHECK(make_cluster(binaries, sandbox->account_, sandbox->data_));
  sandbox->settings_ = own_settings(sandbox->directory_);
  PGKEEP_CHECK(sandbox->start_here(settings));
  return sandbox;
}

base::Result<> Sandbox::start_here(const Settings& settings) {
  for (const auto& [name, value] : settings) {
    const auto known = std::ranges::find(settings_, name, &Settings::value_type::first);
    if (known == settings_.end()) {
      settings_.emplace_back(name, value);
    } else {
      known->second = value;
    }
  }
  // In a file, not on the command line: ALTER SYSTEM must win, for such statements are tried here.
  std::string text;
  for (const auto& [name, value] : settings_)
    text += fmt::format("{} = '{}'\n", name, base::replace_all(value, "'", "''"));
  PGKEEP_CHECK(
      base::write_file_durably(data_ / "postgresql.conf", text, {.mode = 0600, .owner = account_}));
  PGKEEP_CHECK(postgres::start_server(
      {.binaries = binaries_, .data = data_, .run_as = account_, .log_file = log_}));
  return {};
}

Sandbox::~Sandbox() {
  if (directory_.empty()) return;
  if (const auto stopped = stop(postgres::Shutdown::immediate); !stopped) {
    // The folder stays for the next sandbox: a server that runs needs its files.
    base::log::warn("a throwaway server did not stop",
                    {{"folder", directory_.string()}, {"error", base::to_line(stopped.error())}});
    return;
  }
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

std::string Sandbox::conninfo(std::string_view database, std::string_view user) const {
  const auto quoted = [](std::string text) {
    return base::replace_all(base::replace_all(std::move(text), "\\", "\\\\"), "'", "\\'");
  };
  return fmt::format("host='{}' port=5432 dbname='{}' user='{}'", quoted(directory_.string()),
                     quoted(std::string(database)), quoted(std::string(user)));
}

base::Result<postgres::Connection> Sandbox::connect(std::string_view database,
                                                    std::string_view user) const {
  return postgres::Connection::open(conninfo(database, user), {.application_name = "pgkeep/sandbox",
                                                               .read_only = false,
                                                               .statement_limit = std::nullopt,
                                                               .lock_limit = std::nullopt,
                                                               .own_search_path = false,
                                                               .idle_limit = std::nullopt});
}

base::Result<> Sandbox::create_database(const std::string& name) {
  return clone_database(name, "template0");
}

base::Result<> Sandbox::replace_database(const std::string& name, const std::string& from) {
  PGKEEP_CHECK(drop_database(name));
  return clone_database(name, from);
}

base::Result<> Sandbox::clone_database(const std::string& name, const std::string& from) {
  // 14 knows no other way.
  const std::string_view how = binaries_.version.major() >= 15 ? " STRATEGY file_copy" : "";
  PGKEEP_TRY(postgres::Connection admin, connect());
  PGKEEP_CHECK(admin.execute(fmt::format("CREATE DATABASE {} TEMPLATE {}{}",
                                         postgres::quote_identifier(name),
                                         postgres::quote_identifier(from), how)));
  const std::optional<std::string> parameters[] = {name, from};
  PGKEEP_CHECK(admin.query(
      "INSERT INTO pg_catalog.pg_db_role_setting SELECT n.oid, s.setrole, s.setconfig FROM "
      "pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database o ON o.oid = s.setdatabase AND "
      "o.datname = $2 JOIN pg_catalog.pg_database n ON n.datname = $1",
      parameters));
  return {};
}

base::Result<> Sandbox::drop_database(const std::string& name) {
  PGKEEP_TRY(postgres::Connection admin, connect());
  return admin.execute(
      fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE)", postgres::quote_identifier(name)));
}

base::Result<> Sandbox::stop(postgres::Shutdown mode) {
  return postgres::stop_server(data_, mode, kStopLimit);
}

base::Result<> Sandbox::restart(const Settings& settings) {
  PGKEEP_CHECK(stop());
  return start_here(settings);
}

} // namespace pgkeep::sandbox
