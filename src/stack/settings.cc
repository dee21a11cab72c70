#include "stack/settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/units.h"

namespace pgkeep::stack {
namespace {

using base::kGiB;
using base::kMiB;

std::string megabytes(std::int64_t bytes) {
  return fmt::format("{}MB", std::max<std::int64_t>(1, bytes / kMiB));
}

std::int64_t shared_buffers_bytes(std::int64_t ram_bytes) {
  if (ram_bytes < 2 * kGiB) return std::max(ram_bytes / 5, 32 * kMiB);
  return std::min(ram_bytes / 4, 8 * kGiB);
}

void add_memory(std::vector<ServerSetting>& out, const catalog::Host& host) {
  const std::int64_t ram = host.ram_bytes > 0 ? host.ram_bytes : 2 * kGiB;
  const std::int64_t shared = shared_buffers_bytes(ram);
  const int workers = 3;
  const std::int64_t maintenance = std::clamp(ram / 20, 32 * kMiB, 2 * kGiB);
  // Half of what is left after shared memory, spread over every connection using
  // hash_mem_multiplier (2) times work_mem once.
  const std::int64_t work =
      std::clamp((ram - shared - workers * maintenance) / 2 / (std::int64_t{kMaxConnections} * 2),
                 2 * kMiB, 64 * kMiB);
  out.insert(
      out.end(),
      {{"shared_buffers", megabytes(shared),
        "25 % of RAM up to 8 GB, 20 % below 2 GB (manual, runtime-config-resource)"},
       {"effective_cache_size", megabytes(ram * 3 / 4),
        "75 % of RAM: what the kernel and shared_buffers can cache (manual, runtime-config-query)"},
       {"maintenance_work_mem", megabytes(maintenance),
        "5 % of RAM, at most 2 GB: one a vacuum worker (manual, runtime-config-resource)"},
       {"work_mem", megabytes(work),
        "half of the rest over connections x 2, at most 64 MB (manual, runtime-config-resource: "
        "work_mem, hash_mem_multiplier)"},
       {"huge_pages", "try",
        "used where the kernel has them reserved (manual, kernel-resources)"}});
}

void add_wal(std::vector<ServerSetting>& out, const catalog::Host& host) {
  std::int64_t free_bytes = 20 * kGiB;
  for (const catalog::Disk& disk : host.disks)
    free_bytes = std::min(free_bytes, disk.free_bytes);
  const std::int64_t wal = std::clamp(free_bytes / 20, 256 * kMiB, 8 * kGiB);
  out.insert(
      out.end(),
      {{"wal_level", "replica",
        "base backups, archiving and replicas need it (manual, runtime-config-wal)"},
       {"max_wal_size", megabytes(wal),
        "5 % of the free disk, 256 MB to 8 GB: checkpoints by time, not by volume (manual, "
        "wal-configuration)"},
       {"min_wal_size", megabytes(std::max(wal / 4, 80 * kMiB)),
        "a quarter of max_wal_size is kept for re-use (manual, wal-configuration)"},
       {"checkpoint_timeout", "15min",
        "fewer full-page images; recovery replays at most this (manual, wal-configuration)"},
       {"checkpoint_completion_target", "0.9", "spreads the writes (manual, wal-configuration)"},
       {"wal_compression", "on", "smaller full-page images (manual, runtime-config-wal)"},
       {"max_slot_wal_keep_size", megabytes(std::max(free_bytes / 8, 512 * kMiB)),
        "a forgotten slot cannot fill the disk (manual, runtime-config-replication)"},
       {"wal_log_hints", "on", "lets pg_rewind bring a former primary back (manual, app-pgrewind)"},
       {"max_wal_senders", "10",
        "room for backups and replicas (manual, runtime-config-replication)"}});
}

void add_vacuum_and_planner(std::vector<ServerSetting>& out, const catalog::Host& host) {
  const int cores = std::max(1, host.cores);
  out.insert(out.end(),
             {{"autovacuum_max_workers", "3",
               "the default; more share the same cost limit (manual, runtime-config-autovacuum)"},
              {"autovacuum_naptime", "20s", "looks three times as often as the default"},
              {"autovacuum_vacuum_scale_factor", "0.1",
               "at a tenth of dead rows, not a fifth (manual, runtime-config-autovacuum)"},
              {"autovacuum_analyze_scale_factor", "0.05", "fresher statistics for the planner"},
              {"autovacuum_vacuum_cost_limit", "1000",
               "today's disks bear five times the default's 200 (manual, runtime-config-resource)"},
              {"random_page_cost", host.rotational == 1 ? "4" : "1.1",
               "4 on spinning disks, 1.1 on SSD (manual, runtime-config-query; pgtune)"},
              {"effective_io_concurrency", host.rotational == 1 ? "2" : "200",
               "2 on spinning disks, 200 on SSD (manual, runtime-config-resource; pgtune)"},
              {"default_statistics_target", "100", "the default"},
              {"max_worker_processes", fmt::format("{}", std::max(8, cores)),
               "at least the default, one a core (manual, runtime-config-resource)"},
              {"max_parallel_workers", fmt::format("{}", cores), "one a core"},
              {"max_parallel_workers_per_gather", fmt::format("{}", std::clamp(cores / 2, 1, 4)),
               "half the cores, at most 4"},
              {"jit", "off", "costs more than it saves on short queries (manual, jit-decision)"}});
}

void add_logging(std::vector<ServerSetting>& out, const Layout& layout) {
  out.insert(out.end(),
             {{"logging_collector", "on", "the server keeps its own files"},
              {"log_directory", layout.log().string(), ""},
              {"log_filename", "postgresql-%a.log",
               "one file a weekday, each truncated after a week: the log cannot fill the disk"},
              {"log_truncate_on_rotation", "on", ""},
              {"log_rotation_age", "1d", ""},
              {"log_rotation_size", "0", "size rotation would append to the same weekday"},
              {"log_file_mode", "0600", "a log may hold what is private"},
              {"log_line_prefix", "%m [%p] %q%u@%d/%a %h ",
               "time, pid, user, database, application, client (manual, runtime-config-logging)"},
              {"log_timezone", "UTC", ""},
              {"log_min_duration_statement", "1s", "slow queries"},
              {"log_parameter_max_length", "0",
               "values of parameters stay out of the log: they are personal data"},
              {"log_parameter_max_length_on_error", "0", ""},
              {"log_lock_waits", "on", "with deadlock_timeout: who waits for whom"},
              {"log_checkpoints", "on", ""},
              {"log_connections", "on", ""},
              {"log_disconnections", "on", ""},
              {"log_autovacuum_min_duration", "1s", ""},
              {"log_temp_files", "0", "every sort that went to disk"},
              {"log_statement", "ddl", "who changed the schema"},
              {"log_replication_commands", "on", ""}});
}

void add_safety(std::vector<ServerSetting>& out, const Layout& layout) {
  out.insert(
      out.end(),
      {{"password_encryption", "scram-sha-256", "(manual, auth-password)"},
       {"ssl", "on", "(manual, ssl-tcp)"},
       {"ssl_cert_file", (layout.tls() / "server.crt").string(), ""},
       {"ssl_key_file", (layout.tls() / "server.key").string(), ""},
       {"ssl_min_protocol_version", "TLSv1.2", ""},
       {"idle_in_transaction_session_timeout", "60s",
        "an abandoned transaction holds locks and stops vacuum"},
       {"client_connection_check_interval", "10s",
        "a query whose client is gone ends (manual, runtime-config-connection)"},
       {"tcp_keepalives_idle", "60", "seconds; the kernel's two hours are too long"},
       {"tcp_keepalives_interval", "10", ""},
       {"tcp_keepalives_count", "6", ""},
       {"authentication_timeout", "20s", ""},
       {"max_prepared_transactions", "0", "nobody forgets one (manual, runtime-config-resource)"}});
}

} // namespace

std::vector<ServerSetting> production_settings(const catalog::Host& host, const Layout& layout,
                                               int port, int major) {
  std::vector<ServerSetting> out = {
      {"cluster_name", "pgkeep", "how `pgkeep audit` knows what it set up itself"},
      {"listen_addresses", "localhost", "this machine only; see docs/up.md before you open it"},
      {"port", fmt::format("{}", port), ""},
      {"unix_socket_directories", layout.sockets.string(), ""},
      {"max_connections", fmt::format("{}", kMaxConnections), "more clients belong to a pooler"},
      {"superuser_reserved_connections", "3", "a way in when all else is taken"},
      {"shared_preload_libraries", "pg_stat_statements,auto_explain", ""},
      {"pg_stat_statements.max", "10000", ""},
      {"pg_stat_statements.track_utility", "off",
       "utility statements are not normalised: they could hold secrets"},
      {"auto_explain.log_min_duration", "5s", "the plan of what was very slow"},
      {"auto_explain.log_parameter_max_length", "0", "as for the log"},
      {"track_io_timing", "on", "cheap with today's clocks (pg_test_timing)"},
      {"track_functions", "pl", ""},
      {"compute_query_id", "on", ""},
  };
  if (major < 16)
    std::erase_if(out, [](const ServerSetting& s) {
      return s.name == "auto_explain.log_parameter_max_length";
    });
  add_memory(out, host);
  add_wal(out, host);
  add_vacuum_and_planner(out, host);
  add_logging(out, layout);
  add_safety(out, layout);
  return out;
}

std::vector<ServerSetting> demo_settings(const Layout& layout, int port) {
  return {{"cluster_name", "pgkeep demo",
           "a shop that nobody looked after: wrong on purpose, never use it for data"},
          {"listen_addresses", "localhost", "the mistakes stay on this machine"},
          {"port", fmt::format("{}", port), ""},
          {"unix_socket_directories", layout.sockets.string(), ""},
          // What only takes effect at a start; the demo's SQL does the rest.
          {"shared_preload_libraries", "pg_stat_statements", ""},
          {"pg_stat_statements.max", "300", ""},
          {"max_connections", "1000", ""},
          {"superuser_reserved_connections", "0", ""},
          {"max_prepared_transactions", "5", ""},
          {"archive_mode", "on", ""},
          {"archive_command", "/bin/true", ""},
          {"ssl", "on", ""},
          {"ssl_cert_file", (layout.tls() / "server.crt").string(), ""},
          {"ssl_key_file", (layout.tls() / "server.key").string(), ""}};
}

std::string settings_file(const std::vector<ServerSetting>& settings) {
  std::string text = "# Written by `pgkeep up` at every start: changes here are lost.\n"
                     "# Your own settings go into postgresql.auto.conf, by ALTER SYSTEM SET name = "
                     "'value': they win over this file.\n";
  for (const ServerSetting& setting : settings) {
    const std::string value =
        base::replace_all(base::replace_all(setting.value, "\\", "\\\\"), "'", "''");
    text += fmt::format("{} = '{}'{}{}\n", setting.name, value, setting.why.empty() ? "" : "  # ",
                        setting.why);
  }
  return text;
}

} // namespace pgkeep::stack
