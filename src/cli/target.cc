#include "cli/target.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "base/files.h"
#include "catalog/host.h"
#include "cli/migrating.h"
#include "findings/limits.h"
#include "lint/lint.h"
#include "pool/toml.h"
#include "postgres/conn.h"

namespace pgkeep::cli {
namespace {

constexpr int kProbeLimitMs = 3'000;

constexpr base::TableKey kTables[] = {
    {.section = "audit.ignore",
     .members = "rule object reason",
     .required = "rule reason",
     .help = "A finding to set aside: rule id (or *), object (a glob), and why."}};

base::Result<postgres::Connection> open(const std::string& target, const std::string& command) {
  return postgres::Connection::open(target,
                                    {.application_name = fmt::format("pgkeep/{}", command)});
}

catalog::Facts left_out(const SnapshotRequest& request) {
  using catalog::Facts;
  return (request.is_for_comparison ? Facts::none : catalog::kComparedOnly) |
         (request.is_of_schema_alone ? catalog::kBesideSchema : Facts::none);
}

/// Index use on each replica: a scan that happens only there still makes an index needed.
base::Result<catalog::ReplicaUse> read_replicas(const SnapshotRequest& request) {
  catalog::ReplicaUse use;
  for (const std::string& target : request.replicas) {
    PGKEEP_TRY(postgres::Connection replica, open(target, request.command));
    PGKEEP_TRY(const catalog::Snapshot snapshot, catalog::read_snapshot(replica));
    ++use.replicas;
    use.stats_since = std::max(use.stats_since, snapshot.server.stats_since);
    for (const catalog::Index& index : snapshot.indexes) {
      use.indexes.push_back({.schema = index.schema, .index = index.name, .scans = index.scans});
    }
  }
  return use;
}

/// The TLS handshake goes to the TCP port, also when we came over the socket of this machine.
std::optional<catalog::TlsProbe> look_at_tls(const postgres::Connection& connection,
                                             const catalog::Snapshot& snapshot) {
  if (!catalog::setting_is_on(snapshot, "ssl")) return std::nullopt;
  if (!connection.is_local_socket())
    return catalog::probe_tls(connection.host(), connection.port(), kProbeLimitMs);
  if (catalog::setting_text(snapshot, "listen_addresses").empty()) return std::nullopt;
  return catalog::probe_tls("127.0.0.1", connection.port(), kProbeLimitMs);
}

} // namespace

base::Result<catalog::Snapshot> take_snapshot(const SnapshotRequest& request, Io& io) {
  io.progress(0, 1, "connecting");
  PGKEEP_TRY(postgres::Connection connection, open(request.target, request.command));
  PGKEEP_TRY(catalog::Snapshot snapshot,
             catalog::read_snapshot(
                 connection, {.left_out = left_out(request),
                              .on_progress = [&](int done, int total, std::string_view name) {
                                io.progress(done, total, name);
                              }}));
  io.end_progress();
  if (request.is_of_schema_alone) return snapshot;
  snapshot.outside.clock =
      std::chrono::duration<double>(base::SystemClock().now().time_since_epoch()).count();
  if (snapshot.server.is_local) {
    snapshot.outside.host = catalog::read_host(catalog::setting_text(snapshot, "data_directory"));
  } else if (request.ram_bytes) {
    snapshot.outside.host.emplace().ram_bytes = *request.ram_bytes;
  }
  snapshot.outside.tls = look_at_tls(connection, snapshot);
  if (!request.replicas.empty()) {
    PGKEEP_TRY(snapshot.outside.replicas, read_replicas(request));
  } else if (request.confirmed_no_replica) {
    snapshot.outside.replicas = catalog::ReplicaUse{.confirmed_none = true, .indexes = {}};
  }
  if (request.code) {
    PGKEEP_TRY(snapshot.outside.repository, catalog::read_code_repository(*request.code));
  }
  catalog::mark_outside(snapshot);
  return snapshot;
}

base::Result<std::vector<std::string>>
read_other_databases(const SnapshotRequest& request, const catalog::Snapshot& first, Io& io,
                     const std::function<base::Result<>(const catalog::Snapshot&)>& use) {
  PGKEEP_TRY(const postgres::Connection entrance, open(request.target, request.command));
  std::vector<std::string> closed;
  for (const catalog::Database& each : first.databases) {
    if (each.is_template || !each.allows_connections || each.name == first.server.database)
      continue;
    base::Result<postgres::Connection> inside = entrance.open_database(each.name);
    if (!inside) {
      closed.push_back(fmt::format("database {} was not read: {}", each.name, inside.error().what));
      continue;
    }
    PGKEEP_TRY(catalog::Snapshot snapshot,
               catalog::read_snapshot(
                   *inside, {.left_out = left_out(request),
                             .on_progress = [&](int done, int total, std::string_view name) {
                               io.progress(done, total, fmt::format("{}: {}", each.name, name));
                             }}));
    io.end_progress();
    snapshot.outside = first.outside;
    catalog::mark_outside(snapshot);
    PGKEEP_CHECK(use(snapshot));
  }
  return closed;
}

base::Result<base::Config> load_config(const Arguments& arguments) {
  const std::optional<std::string> named = arguments.get("config");
  const std::filesystem::path path = named.value_or("pgkeep.toml");
  PGKEEP_TRY(const std::optional<std::string> text, base::read_file_if_exists(path));
  if (!text && named) {
    return base::Error{.code = base::Code::config,
                       .what = "no such file",
                       .where = *named,
                       .expected = "a pgkeep.toml"};
  }
  if (!text) return base::Config{};
  std::vector<base::Key> keys(findings::limit_keys().begin(), findings::limit_keys().end());
  keys.insert(keys.end(), migrate_keys().begin(), migrate_keys().end());
  keys.insert(keys.end(), lint::config_keys().begin(), lint::config_keys().end());
  keys.insert(keys.end(), pool::configuration_keys().begin(), pool::configuration_keys().end());
  return base::parse_config(*text, path, keys, kTables);
}

} // namespace pgkeep::cli
