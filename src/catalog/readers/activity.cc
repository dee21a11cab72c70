// What runs now: sessions, who waits for whom, locks, prepared transactions, progress.
//
// pg_blocking_pids() takes every partition of the lock table, so it is asked for waiting sessions
// only. Ages are measured from the transaction's start and never negative.
#include "catalog/reader.h"
#include "postgres/sql_parser.h"

namespace pgkeep::catalog {
namespace {

constexpr std::string_view kActivity = R"(
WITH waiting AS MATERIALIZED (
  SELECT DISTINCT ON (l.pid) l.pid, l.waitstart,
         CASE WHEN c.oid IS NOT NULL THEN quote_ident(n.nspname) || '.' || quote_ident(c.relname)
              ELSE '' END AS relation
  FROM pg_locks l
  LEFT JOIN pg_class c ON c.oid = l.relation
    AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE NOT l.granted ORDER BY l.pid, l.waitstart
)
SELECT a.pid, coalesce(a.usename, '') AS "user", coalesce(a.datname, '') AS database,
       coalesce(a.application_name, '') AS application_name,
       coalesce(host(a.client_addr), '') AS client_address,
       coalesce(a.backend_type, '') AS backend_type, coalesce(a.state, '') AS state,
       coalesce(a.wait_event_type, '') AS wait_event_type,
       coalesce(a.wait_event, '') AS wait_event,
       CASE WHEN a.backend_start IS NOT NULL
            THEN greatest(0, extract(epoch FROM now() - a.backend_start)) END AS backend_age_s,
       CASE WHEN a.xact_start IS NOT NULL
            THEN greatest(0, extract(epoch FROM now() - a.xact_start)) END AS xact_age_s,
       CASE WHEN a.query_start IS NOT NULL
            THEN greatest(0, extract(epoch FROM now() - a.query_start)) END AS query_age_s,
       CASE WHEN a.state_change IS NOT NULL
            THEN greatest(0, extract(epoch FROM now() - a.state_change)) END AS state_age_s,
       age(a.backend_xid) AS xid_age, age(a.backend_xmin) AS xmin_age,
       coalesce(t.ssl, false) AS uses_tls,
       coalesce(NOT (a.client_addr <<= '127.0.0.0/8' OR a.client_addr = '::1'), false)
         AS is_remote,
       coalesce(r.rolsuper, false) AS is_superuser,
       CASE WHEN a.query = '<insufficient privilege>' THEN '' ELSE a.query END AS query,
       CASE WHEN w.pid IS NOT NULL THEN pg_blocking_pids(a.pid) END AS blocked_by,
       CASE WHEN w.waitstart IS NOT NULL
            THEN greatest(0, extract(epoch FROM now() - w.waitstart)) END AS wait_age_s,
       coalesce(w.relation, '') AS wait_relation, a.pid = pg_backend_pid() AS is_own
FROM pg_stat_activity a
LEFT JOIN waiting w ON w.pid = a.pid
LEFT JOIN pg_stat_ssl t ON t.pid = a.pid
LEFT JOIN pg_roles r ON r.oid = a.usesysid
ORDER BY a.pid)";

void take_activity(const postgres::Rows& rows, ReadState& state) {
  state.db.sessions = decode_rows<Session>(rows);
  for (Session& session : state.db.sessions) {
    if (!session.query.empty())
      session.query = without_literals(postgres::normalize(session.query));
  }
  if (state.probe.sees_all_statistics) {
    state.db.present = state.db.present | Facts::activity_of_others;
  } else {
    Absence& hidden = state.db.absent.emplace_back();
    hidden.fact = Facts::activity_of_others;
    hidden.reason = "the role is not a member of pg_read_all_stats (pg_monitor): other roles' "
                    "sessions are hidden";
  }
}

// MaxBackends: storage/ipc and postmaster's InitializeMaxBackends().
constexpr std::string_view kLocks = R"(
SELECT (SELECT count(*) FROM pg_locks l WHERE NOT l.fastpath AND l.mode <> 'SIReadLock') AS used,
       current_setting('max_locks_per_transaction')::bigint
         * (current_setting('max_connections')::bigint
            + current_setting('{{worker_slots}}')::bigint + 1
            + current_setting('max_worker_processes')::bigint
            + current_setting('max_wal_senders')::bigint
            + current_setting('max_prepared_transactions')::bigint) AS slots)";

constexpr std::string_view kPrepared = R"(
SELECT p.gid, p.owner, p.database, extract(epoch FROM now() - p.prepared) AS age_s,
       age(p.transaction) AS xid_age
FROM pg_prepared_xacts p ORDER BY p.prepared)";

constexpr std::string_view kProgress = R"(
SELECT 'create index' AS kind, p.pid, p.relid AS relation, p.index_relid AS index, p.phase,
       0 AS index_vacuum_count, false AS is_autovacuum
FROM pg_stat_progress_create_index p WHERE p.datname = current_database()
UNION ALL
SELECT 'vacuum', p.pid, p.relid, 0, p.phase, p.index_vacuum_count,
       coalesce((SELECT a.backend_type = 'autovacuum worker' FROM pg_stat_activity a
                 WHERE a.pid = p.pid), false)
FROM pg_stat_progress_vacuum p WHERE p.datname = current_database())";

constexpr Reader kActivityReaders[] = {
    {.name = "activity",
     .facts = Facts::activity,
     .title = "Sessions, their ages, and who waits for whom",
     .sql = kActivity,
     .take = take_activity},
    {.name = "locks",
     .facts = Facts::locks,
     .title = "How full the lock table is",
     .sql = kLocks,
     .take = take_one<&Snapshot::lock_table>},
    {.name = "prepared transactions",
     .facts = Facts::prepared_transactions,
     .title = "Transactions prepared for two-phase commit",
     .sql = kPrepared,
     .take = take_list<&Snapshot::prepared_transactions>},
    {.name = "progress",
     .facts = Facts::progress,
     .title = "Index builds and vacuums that run now",
     .sql = kProgress,
     .take = take_list<&Snapshot::progress>},
};

} // namespace

const std::span<const Reader> activity_readers{kActivityReaders};

} // namespace pgkeep::catalog
