// Publications, subscriptions, standbys, slots, and the files of the WAL.
//
// What is published is worked out here and not by pg_get_publication_tables(), which opens every
// table: ALL TABLES, IN SCHEMA, listed ones, and the partitions of a listed partitioned table.
#include "catalog/reader.h"

namespace pgkeep::catalog {
namespace {

constexpr std::string_view kPublished = R"(
WITH RECURSIVE listed(publication, relation) AS (
  SELECT r.prpubid, r.prrelid FROM pg_publication_rel r
  {{published_schemas}}
  UNION
  SELECT l.publication, h.inhrelid FROM listed l JOIN pg_inherits h ON h.inhparent = l.relation
  JOIN pg_class c ON c.oid = h.inhrelid AND c.relispartition
), published AS (
  SELECT l.publication, l.relation FROM listed l
  UNION
  SELECT p.oid, c.oid FROM pg_publication p, pg_class c
  WHERE p.puballtables AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384
)
SELECT p.pubname AS publication, b.relation, p.pubupdate OR p.pubdelete AS publishes_updates
FROM published b
JOIN pg_publication p ON p.oid = b.publication
JOIN pg_class c ON c.oid = b.relation
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {{user_schema}} AND {{is_in_scope}}
ORDER BY 1, 2)";

constexpr std::string_view kSubscriptions = R"(
SELECT s.subname AS name, s.subenabled AS is_enabled,
       {{subscription_errors}}
       (SELECT count(*) FROM pg_subscription_rel r
        WHERE r.srsubid = s.oid AND r.srsubstate <> 'r') AS tables_not_ready,
       EXISTS (SELECT FROM pg_stat_subscription w WHERE w.subid = s.oid AND w.relid IS NULL
               AND w.pid IS NOT NULL) AS has_worker,
       {{subscription_secret}} AS connection_has_secret
FROM pg_subscription s
{{subscription_errors_from}}
WHERE s.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
ORDER BY s.subname)";

constexpr std::string_view kReplicas = R"(
SELECT coalesce(r.application_name, '') AS application_name,
       coalesce(host(r.client_addr), '') AS client_address, coalesce(r.usename, '') AS "user",
       coalesce(r.state, '') AS state, coalesce(r.sync_state, '') AS sync_state,
       coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn()
                                     ELSE pg_current_wal_lsn() END,
                                coalesce(r.replay_lsn, r.flush_lsn, r.write_lsn, r.sent_lsn)), 0)
         ::bigint AS lag_bytes,
       coalesce(extract(epoch FROM r.replay_lag), 0) AS replay_lag_s,
       age(r.backend_xmin) AS xmin_age,
       coalesce(r.state = 'backup' OR r.application_name ~* '(pg_basebackup|receivewal|barman)',
                false) AS is_backup_or_receiver
FROM pg_stat_replication r ORDER BY r.pid)";

void take_replicas(const postgres::Rows& rows, ReadState& state) {
  state.db.replicas = decode_rows<Replica>(rows);
  if (!state.db.replicas.empty() && !state.probe.sees_all_statistics)
    state.hidden = "the role is not a member of pg_read_all_stats (pg_monitor): what standbys "
                   "have received is hidden";
}

constexpr std::string_view kSlots = R"(
SELECT s.slot_name AS name, coalesce(s.plugin, '') AS plugin, s.slot_type AS type,
       coalesce(s.database, '') AS database, s.active AS is_active,
       {{slot_inactive_since}} AS inactive_since,
       greatest(0, coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery()
         THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, s.restart_lsn), 0))
         ::bigint AS retained_bytes,
       coalesce(s.wal_status, '') AS wal_status, s.safe_wal_size IS NOT NULL AS has_safe_wal_size,
       coalesce(s.safe_wal_size, 0) AS safe_wal_size, {{slot_reason}} AS invalidation_reason,
       age(s.xmin) AS xmin_age, age(s.catalog_xmin) AS catalog_xmin_age,
       s.temporary AS is_temporary
FROM pg_replication_slots s ORDER BY s.slot_name)";

constexpr std::string_view kWalDirectory = R"(
SELECT count(*) AS files, coalesce(sum(w.size), 0)::bigint AS bytes
FROM pg_ls_waldir() w WHERE w.name ~ '^[0-9A-F]{24}$')";
std::string refuse_wal_directory(const Probe& probe) {
  return probe.may_list_wal ? "" : "permission denied for function pg_ls_waldir";
}

constexpr std::string_view kArchiveStatus =
    "SELECT count(*) AS ready FROM pg_ls_archive_statusdir() s WHERE s.name LIKE '%.ready'";
std::string refuse_archive_status(const Probe& probe) {
  return probe.may_list_archive_status ? ""
                                       : "permission denied for function pg_ls_archive_statusdir";
}

constexpr Reader kReplicationReaders[] = {
    {.name = "publications",
     .facts = Facts::publications,
     .title = "Published tables",
     .sql = kPublished,
     .take = take_list<&Snapshot::published_tables>},
    {.name = "subscriptions",
     .facts = Facts::subscriptions,
     .title = "Subscriptions and their errors",
     .sql = kSubscriptions,
     .take = take_list<&Snapshot::subscriptions>},
    {.name = "replicas",
     .facts = Facts::replicas,
     .title = "Standbys and receivers that are connected",
     .sql = kReplicas,
     .take = take_replicas},
    {.name = "slots",
     .facts = Facts::slots,
     .title = "Replication slots and the WAL that they hold",
     .sql = kSlots,
     .take = take_list<&Snapshot::slots>},
    {.name = "wal directory",
     .facts = Facts::wal_directory,
     .title = "The files in pg_wal",
     .sql = kWalDirectory,
     .take = take_one<&Snapshot::wal_directory>,
     .refuse = refuse_wal_directory},
    {.name = "archive status",
     .facts = Facts::archive_status,
     .title = "Segments that wait to be archived",
     .sql = kArchiveStatus,
     .take = take_one<&Snapshot::archive_status>,
     .refuse = refuse_archive_status},
};

} // namespace

const std::span<const Reader> replication_readers{kReplicationReaders};

} // namespace pgkeep::catalog
