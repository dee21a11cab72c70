/// The sections of a Snapshot. A rule names those that it needs; a section that is absent carries
/// the reason.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace pgkeep::catalog {

enum class Facts : std::uint64_t {
  none = 0,
  // Read from the server.
  server = 1ULL << 0,
  settings = 1ULL << 1,
  file_settings = 1ULL << 2, ///< pg_file_settings: superuser.
  hba = 1ULL << 3,           ///< pg_hba_file_rules: superuser.
  databases = 1ULL << 4,
  background = 1ULL << 5, ///< pg_stat_bgwriter, pg_stat_checkpointer, pg_stat_io, pg_stat_wal.
  archiver = 1ULL << 6,
  roles = 1ULL << 7,     ///< pg_roles, pg_auth_members, pg_db_role_setting.
  passwords = 1ULL << 8, ///< Verdicts on pg_authid: superuser.
  activity = 1ULL << 9,
  activity_of_others = 1ULL << 10, ///< State and query of other users' sessions: pg_monitor.
  locks = 1ULL << 11,
  prepared_transactions = 1ULL << 12,
  schemas = 1ULL << 13,
  relations = 1ULL << 14,
  table_stats = 1ULL << 15, ///< pg_stat_user_tables.
  columns = 1ULL << 16,
  column_stats = 1ULL << 17, ///< pg_stats (only what may be read).
  constraints = 1ULL << 18,
  indexes = 1ULL << 19,
  index_stats = 1ULL << 20,
  sequences = 1ULL << 21,
  sequence_maxima = 1ULL << 22, ///< max(column) beside the sequence's last_value.
  triggers = 1ULL << 23,
  functions = 1ULL << 24,
  policies = 1ULL << 25,
  extensions = 1ULL << 26,
  languages = 1ULL << 27,
  publications = 1ULL << 28,
  subscriptions = 1ULL << 29,
  replicas = 1ULL << 30, ///< pg_stat_replication.
  slots = 1ULL << 31,
  default_privileges = 1ULL << 32,
  large_objects = 1ULL << 33,
  secrets = 1ULL << 34, ///< Verdicts on foreign servers, user mappings, subscriptions, cron jobs.
  statements = 1ULL << 35,     ///< pg_stat_statements.
  progress = 1ULL << 36,       ///< pg_stat_progress_create_index, pg_stat_progress_vacuum.
  wal_directory = 1ULL << 37,  ///< pg_ls_waldir(): pg_monitor.
  archive_status = 1ULL << 38, ///< pg_ls_archive_statusdir(): pg_monitor.
  collations = 1ULL << 39,
  tablespaces = 1ULL << 40,
  types = 1ULL << 41,   ///< Enums and domains.
  standby = 1ULL << 42, ///< What only a standby has: replay position, conflicts.
  // Only for comparing databases (Snapshot::definitions):
  definitions = 1ULL << 43, ///< Of views, functions, triggers, rules.
  details = 1ULL << 44,     ///< Types, storage, publications, foreign servers and the like.
  comments = 1ULL << 45,
  grants = 1ULL << 46,
  // Outside facts: filled by the caller.
  clock = 1ULL << 48,
  host = 1ULL << 49,              ///< RAM, cores, disks, kernel settings of the server's machine.
  tls = 1ULL << 50,               ///< A TLS handshake with the server.
  replica_snapshots = 1ULL << 51, ///< Index usage on every replica, or the word that there is none.
  backups = 1ULL << 52,           ///< State of a backup repository.
  pooler = 1ULL << 53,
  repository = 1ULL << 54, ///< A folder of source code: migrations and files that may hold secrets.
};
constexpr Facts operator|(Facts a, Facts b) {
  return static_cast<Facts>(static_cast<std::uint64_t>(a) | static_cast<std::uint64_t>(b));
}
constexpr Facts operator&(Facts a, Facts b) {
  return static_cast<Facts>(static_cast<std::uint64_t>(a) & static_cast<std::uint64_t>(b));
}
constexpr bool has(Facts set, Facts one) {
  return (set & one) == one;
}

/// Sections that only the comparison of two Snapshots looks at (diff.h).
inline constexpr Facts kComparedOnly =
    Facts::definitions | Facts::details | Facts::comments | Facts::grants;
/// Sections that say how the server is and what it does. Whoever wants to know what the schema is
/// has no use for them; reading them takes half of the time.
inline constexpr Facts kBesideSchema =
    Facts::settings | Facts::file_settings | Facts::hba | Facts::background | Facts::archiver |
    Facts::passwords | Facts::activity | Facts::locks | Facts::prepared_transactions |
    Facts::table_stats | Facts::column_stats | Facts::index_stats | Facts::sequence_maxima |
    Facts::replicas | Facts::slots | Facts::large_objects | Facts::secrets | Facts::statements |
    Facts::progress | Facts::wal_directory | Facts::archive_status | Facts::standby;

/// A section's name in JSON and messages, "activity_of_others"; and the list of all, in the order
/// of the enum.
struct FactName {
  Facts fact;
  std::string_view name;
};
std::span<const FactName> fact_names();
std::string_view name_of(Facts one);

} // namespace pgkeep::catalog
