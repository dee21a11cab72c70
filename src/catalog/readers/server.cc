// The server itself: version, clock, our rights; databases; counters of background work.
#include "catalog/reader.h"

namespace pgkeep::catalog {
namespace {

/// Managed hosts are recognised by the roles and settings that they alone have. Sources: manuals of
/// the hosts ("rds_superuser", "cloudsqlsuperuser", "azure_pg_admin", ...).
constexpr std::string_view kServer = R"(
SELECT current_setting('server_version_num')::int AS version,
       current_setting('server_version') AS version_text,
       extract(epoch FROM now()) AS now,
       extract(epoch FROM pg_postmaster_start_time()) AS start_time,
       extract(epoch FROM greatest(pg_postmaster_start_time(),
         pg_stat_get_db_stat_reset_time(d.oid), (SELECT stats_reset FROM pg_stat_bgwriter),
         {{checkpointer_reset}})) AS stats_since,
       pg_is_in_recovery() AS is_standby, d.datname AS database, d.oid AS database_oid,
       current_user AS "user", r.rolsuper AS is_superuser,
       pg_has_role('pg_monitor', 'USAGE') AS is_monitor,
       inet_server_addr() IS NULL OR inet_server_addr() <<= '127.0.0.0/8'
         OR inet_server_addr() = '::1' AS is_local,
       coalesce((SELECT h.host FROM (VALUES
           (1, 'rds_superuser', 'rds'), (2, 'alloydbsuperuser', 'alloydb'),
           (3, 'cloudsqlsuperuser', 'cloudsql'), (4, 'azure_pg_admin', 'azure'),
           (5, 'neon_superuser', 'neon'), (6, 'supabase_admin', 'supabase'),
           (7, 'doadmin', 'digitalocean'), (8, 'avnadmin', 'aiven'),
           (9, 'crunchy_superuser', 'crunchy'), (10, 'tsdbadmin', 'timescale'),
           (11, 'ibm_superuser', 'ibm')) h (rank, role, host)
         JOIN pg_roles hr ON hr.rolname = h.role ORDER BY h.rank LIMIT 1),
         CASE WHEN current_setting('rds.extensions', true) <> '' THEN 'rds'
              WHEN current_setting('azure.extensions', true) <> '' THEN 'azure'
              ELSE '' END) AS managed_by
FROM pg_database d, pg_roles r
WHERE d.datname = current_database() AND r.rolname = current_user)";

void take_server(const postgres::Rows& rows, ReadState& state) {
  state.db.server = decode_row<Server>(rows);
  const Server& server = state.db.server;
  state.probe.major = server.version / 10000;
  state.probe.is_standby = server.is_standby;
  state.probe.is_superuser = server.is_superuser;
}

constexpr std::string_view kRights = R"(
SELECT pg_has_role('pg_read_all_stats', 'USAGE') AS sees_all_statistics,
       has_table_privilege('pg_statistic', 'SELECT') AS may_read_statistic,
       has_column_privilege('pg_authid', 'rolpassword', 'SELECT') AS may_read_passwords,
       has_table_privilege('pg_hba_file_rules', 'SELECT')
         AND has_function_privilege('pg_hba_file_rules()', 'EXECUTE') AS may_read_hba,
       has_table_privilege('pg_file_settings', 'SELECT')
         AND has_function_privilege('pg_show_all_file_settings()', 'EXECUTE')
         AS may_read_file_settings,
       has_function_privilege('pg_ls_waldir()', 'EXECUTE') AS may_list_wal,
       has_function_privilege('pg_ls_archive_statusdir()', 'EXECUTE') AS may_list_archive_status,
       has_function_privilege('pg_control_system()', 'EXECUTE') AS may_read_control,
       has_column_privilege('pg_subscription', 'subconninfo', 'SELECT')
         AS may_read_subscription_conninfo,
       EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'cron' AND c.relname = 'job'
                 AND EXISTS (SELECT FROM pg_extension e WHERE e.extname = 'pg_cron')
                 AND has_schema_privilege(n.oid, 'USAGE')
                 AND has_table_privilege(c.oid, 'SELECT')) AS has_cron,
       EXISTS (SELECT FROM pg_settings s WHERE s.name = 'pg_stat_statements.max'
               AND s.vartype = 'integer') AS is_statements_preloaded,
       coalesce(n.nspname, '') AS statements_schema,
       coalesce(e.extversion, '') AS statements_version,
       current_setting('max_locks_per_transaction')::bigint
         * (current_setting('max_connections')::bigint
            + current_setting('max_prepared_transactions')::bigint) AS lock_slots
FROM (VALUES (1)) one (n)
LEFT JOIN pg_extension e ON e.extname = 'pg_stat_statements'
LEFT JOIN pg_namespace n ON n.oid = e.extnamespace)";

void take_rights(const postgres::Rows& rows, ReadState& state) {
  Probe& probe = state.probe;
  const auto flag = [&](std::string_view name) { return value_of<bool>(rows, 0, name); };
  probe.sees_all_statistics = flag("sees_all_statistics");
  probe.may_read_statistic = flag("may_read_statistic");
  probe.may_read_passwords = flag("may_read_passwords");
  probe.may_read_hba = flag("may_read_hba");
  probe.may_read_file_settings = flag("may_read_file_settings");
  probe.may_list_wal = flag("may_list_wal");
  probe.may_list_archive_status = flag("may_list_archive_status");
  probe.may_read_control = flag("may_read_control");
  probe.may_read_subscription_conninfo = flag("may_read_subscription_conninfo");
  probe.has_cron = flag("has_cron");
  probe.is_statements_preloaded = flag("is_statements_preloaded");
  probe.statements_schema = value_of<std::string>(rows, 0, "statements_schema");
  probe.statements_version = value_of<std::string>(rows, 0, "statements_version");
  probe.lock_slots = value_of<std::int64_t>(rows, 0, "lock_slots");
  state.db.statements_info.is_preloaded = probe.is_statements_preloaded;
  state.db.statements_info.is_installed = !probe.statements_schema.empty();
}

constexpr std::string_view kIdentity =
    "SELECT system_identifier::text AS system_identifier FROM pg_control_system()";
void take_identity(const postgres::Rows& rows, ReadState& state) {
  state.db.server.system_identifier = value_of<std::string>(rows, 0, 0);
}
std::string refuse_identity(const Probe& probe) {
  return probe.may_read_control ? "" : "permission denied for function pg_control_system";
}

// Apart from the first statement: Aurora has no such functions without logical replication.
constexpr std::string_view kPosition = R"(
SELECT pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
                            ELSE pg_current_wal_lsn() END, '0/0')::bigint AS wal_position)";
void take_position(const postgres::Rows& rows, ReadState& state) {
  state.db.server.wal_position = value_of<std::int64_t>(rows, 0, 0);
}

constexpr std::string_view kStandby = R"(
SELECT CASE WHEN pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn() THEN 0
            WHEN pg_last_xact_replay_timestamp() IS NULL THEN -1
            ELSE greatest(0, extract(epoch FROM now() - pg_last_xact_replay_timestamp())) END
         AS replay_age_s,
       coalesce(pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0'), 0)::bigint AS receive_position,
       coalesce(pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0'), 0)::bigint AS replay_position,
       pg_stat_get_db_conflict_all(d.oid) AS conflicts
FROM pg_database d WHERE d.datname = current_database())";
void take_standby(const postgres::Rows& rows, ReadState& state) {
  state.db.standby = decode_row<Standby>(rows);
}
std::string refuse_standby(const Probe& probe) {
  return probe.is_standby ? "" : "this server is not a standby";
}

// pg_database_size() looks at every file. For the database at hand a catalog of many relations
// has a cheaper answer: the pages that VACUUM and ANALYZE last counted.
constexpr std::string_view kDatabases = R"(
WITH own AS (SELECT count(*) AS relations, sum(c.relpages::bigint) * {{block}} AS bytes
             FROM pg_class c WHERE c.relkind IN ('r', 'i', 't', 'm', 'S'))
SELECT d.oid, d.datname AS name, pg_get_userbyid(d.datdba) AS owner,
       pg_encoding_to_char(d.encoding) AS encoding, d.datcollate AS collate,
       d.datconnlimit AS connection_limit, d.datistemplate AS is_template,
       d.datallowconn AS allows_connections,
       {{database_collation}}
       age(d.datfrozenxid) AS xid_age, mxid_age(d.datminmxid) AS mxid_age,
       CASE WHEN d.datname = current_database() AND own.relations > 20000 THEN own.bytes
            WHEN has_database_privilege(d.oid, 'CONNECT')
              OR pg_has_role('pg_read_all_stats', 'USAGE') THEN pg_database_size(d.oid)
            ELSE -1 END AS size_bytes,
       has_database_privilege('public', d.oid, 'CONNECT') AS public_connect,
       has_database_privilege('public', d.oid, 'TEMPORARY') AS public_temporary,
       s.numbackends AS backends, s.xact_commit AS commits, s.xact_rollback AS rollbacks,
       s.blks_read AS blocks_read, s.blks_hit AS blocks_hit, s.temp_files, s.temp_bytes,
       s.deadlocks, s.conflicts, s.checksum_failures,
       extract(epoch FROM s.checksum_last_failure) AS checksum_last_failure,
       s.session_time / 1000 AS session_time_s, s.sessions, s.sessions_abandoned,
       s.sessions_fatal, s.sessions_killed, extract(epoch FROM s.stats_reset) AS stats_reset
FROM own, pg_database d LEFT JOIN pg_stat_database s ON s.datid = d.oid
ORDER BY d.oid)";

constexpr std::string_view kBackground = R"(
SELECT {{checkpoints}},
       {{buffers_backend}} AS buffers_backend,
       w.wal_bytes::bigint AS wal_bytes, extract(epoch FROM w.stats_reset) AS wal_stats_reset
FROM {{checkpoints_from}}, pg_stat_wal w)";

constexpr std::string_view kArchiver = R"(
SELECT archived_count AS archived, failed_count AS failed, last_archived_wal,
       extract(epoch FROM last_archived_time) AS last_archived, last_failed_wal,
       extract(epoch FROM last_failed_time) AS last_failed
FROM pg_stat_archiver)";

constexpr Reader kServerReaders[] = {
    {.name = "server",
     .facts = Facts::server,
     .title = "Version, clock, role and kind of host",
     .sql = kServer,
     .take = take_server,
     .fills_probe = true},
    {.name = "rights",
     .facts = Facts::none,
     .title = "What this role may read",
     .sql = kRights,
     .take = take_rights,
     .fills_probe = true},
    {.name = "identity",
     .facts = Facts::none,
     .title = "The cluster's identifier",
     .sql = kIdentity,
     .take = take_identity,
     .refuse = refuse_identity},
    {.name = "wal position",
     .facts = Facts::none,
     .title = "How far the WAL is written or replayed",
     .sql = kPosition,
     .take = take_position},
    {.name = "standby",
     .facts = Facts::standby,
     .title = "How far a standby has replayed, and its conflicts",
     .sql = kStandby,
     .take = take_standby,
     .refuse = refuse_standby},
    {.name = "databases",
     .facts = Facts::databases,
     .title = "Databases: sizes, ages, limits, counters",
     .sql = kDatabases,
     .take = take_list<&Snapshot::databases>},
    {.name = "background",
     .facts = Facts::background,
     .title = "Checkpoints, background writes and WAL",
     .sql = kBackground,
     .take = take_one<&Snapshot::background>},
    {.name = "archiver",
     .facts = Facts::archiver,
     .title = "What was archived and what failed",
     .sql = kArchiver,
     .take = take_one<&Snapshot::archiver>},
};

} // namespace

const std::span<const Reader> server_readers{kServerReaders};

} // namespace pgkeep::catalog
