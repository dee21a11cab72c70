// Schemas, relations and their counters.
//
// Grants: most tables of a schema have the same access list, so each distinct list is taken apart
// once. Sizes come from relpages, which needs no lock; ANALYZE gives what is partitioned -1 of
// them. Counters come from the functions under pg_stat_user_tables: the view would group all
// indexes by table first.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "catalog/reader.h"

namespace pgkeep::catalog {
namespace {

constexpr std::string_view kLocked = R"(
SELECT DISTINCT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name
FROM pg_locks l
JOIN pg_class c ON c.oid = l.relation
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
  AND l.pid IS DISTINCT FROM pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
  AND {{user_kinds}} AND {{user_schema}}
ORDER BY 2)";

constexpr std::size_t kNamesMax = 5;

void take_locked(const postgres::Rows& rows, ReadState& state) {
  std::vector<std::string> names;
  for (int row = 0; row < rows.count(); ++row) {
    const auto oid = value_of<OidNumber>(rows, row, 0);
    if (std::ranges::find(state.probe.locked, oid) != state.probe.locked.end()) continue;
    state.probe.locked.push_back(oid);
    if (names.size() < kNamesMax) names.push_back(value_of<std::string>(rows, row, 1));
  }
  if (names.empty()) return;
  state.db.notes.push_back(
      fmt::format("locked by DDL of other sessions and left out: {}{}", fmt::join(names, ", "),
                  state.probe.locked.size() > names.size() ? " and others" : ""));
}

constexpr std::string_view kSchemas = R"(
SELECT n.oid, n.nspname AS name, pg_get_userbyid(n.nspowner) AS owner,
       has_schema_privilege('public', n.oid, 'CREATE') AS public_create,
       has_schema_privilege('public', n.oid, 'USAGE') AS public_usage
FROM pg_namespace n
WHERE {{user_schema}}
  AND n.oid NOT IN (SELECT x.objid FROM pg_depend x
                    WHERE x.refclassid = 'pg_extension'::regclass
                      AND x.classid = 'pg_namespace'::regclass AND x.deptype = 'e')
ORDER BY n.oid)";

// age() of a frozen XID 0 (views, partitioned tables) would be the largest of all.
constexpr std::string_view kRelations = R"(
WITH granted AS MATERIALIZED (
  SELECT c.oid, c.relacl, c.relacl::text AS list, c.relowner FROM pg_class c
  WHERE {{user_kinds}} AND c.relacl IS NOT NULL AND c.oid >= 16384
), acl AS MATERIALIZED (
  SELECT a.list, a.relowner,
         bool_or(x.grantee = 0 AND x.privilege_type = 'SELECT') AS public_select,
         bool_or(x.grantee = 0 AND x.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE'))
           AS public_write,
         (array_agg(r.rolname ORDER BY r.rolname) FILTER (WHERE x.privilege_type = 'SELECT'
           AND x.grantee NOT IN (0, a.relowner)))[1:20] AS readers,
         (array_agg(r.rolname ORDER BY r.rolname) FILTER (WHERE x.privilege_type = 'INSERT'
           AND x.grantee NOT IN (0, a.relowner)))[1:20] AS inserters
  FROM (SELECT DISTINCT ON (g.list, g.relowner) g.list, g.relacl, g.relowner FROM granted g) a
  CROSS JOIN LATERAL (SELECT DISTINCT e.grantee, e.privilege_type FROM aclexplode(a.relacl) e) x
  LEFT JOIN pg_roles r ON r.oid = x.grantee
  WHERE x.grantee = 0 OR r.rolname IS NOT NULL
  GROUP BY a.list, a.relowner
), view_tables AS (
  SELECT w.ev_class, array_agg(DISTINCT d.refobjid) AS tables
  FROM pg_rewrite w
  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
    AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class
  WHERE w.rulename = '_RETURN' AND w.ev_class >= 16384
  GROUP BY w.ev_class
)
SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
       c.relpersistence::text AS persistence, coalesce(o.rolname, '') AS owner,
       h.inhparent AS parent, c.relispartition AS is_partition,
       CASE p.partstrat WHEN 'r' THEN 'range' WHEN 'l' THEN 'list' WHEN 'h' THEN 'hash' END
         AS partition_strategy,
       CASE WHEN p.partrelid IS NOT NULL THEN pg_get_partkeydef(c.oid) END AS partition_key,
       CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, 0) END AS partition_bound,
       c.reltuples AS rows, greatest(c.relpages, 0) AS pages,
       greatest(c.relpages, 0) * {{block}} AS size_bytes,
       greatest(t.relpages, 0) * {{block}} AS toast_bytes,
       coalesce(t.reltuples, -1) AS toast_rows,
       greatest(CASE WHEN c.relfrozenxid <> '0' THEN age(c.relfrozenxid) END,
                CASE WHEN t.relfrozenxid <> '0' THEN age(t.relfrozenxid) END, 0) AS xid_age,
       greatest(CASE WHEN c.relminmxid <> '0' THEN mxid_age(c.relminmxid) END,
                CASE WHEN t.relminmxid <> '0' THEN mxid_age(t.relminmxid) END, 0) AS mxid_age,
       CASE WHEN t.reloptions IS NULL THEN c.reloptions
            ELSE c.reloptions || ARRAY(SELECT 'toast.' || x FROM unnest(t.reloptions) x) END
         AS options,
       c.relreplident::text AS replica_identity, c.relrowsecurity AS row_security,
       c.relforcerowsecurity AS force_row_security,
       acl.public_select, acl.public_write, acl.readers, acl.inserters, v.tables AS view_tables,
       coalesce(array_to_string(c.reloptions, ',') ~* '(^|,)security_invoker=(on|true|yes|1)(,|$)',
                false) AS view_security_invoker,
       coalesce(o.rolsuper OR o.rolbypassrls, false) AS owner_bypasses_rls
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_roles o ON o.oid = c.relowner
LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
LEFT JOIN pg_inherits h ON h.inhrelid = c.oid AND h.inhseqno = 1
LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid
LEFT JOIN granted g ON g.oid = c.oid
LEFT JOIN acl ON acl.list = g.list AND acl.relowner = g.relowner
LEFT JOIN view_tables v ON v.ev_class = c.oid
WHERE {{user_kinds}} AND {{user_schema}} AND {{is_in_scope}}
ORDER BY c.oid)";

constexpr std::string_view kTableStats = R"(
SELECT c.oid, pg_stat_get_numscans(c.oid) AS seq_scans,
       pg_stat_get_tuples_returned(c.oid) AS seq_rows_read,
       coalesce(x.scans, 0) AS index_scans, pg_stat_get_tuples_inserted(c.oid) AS inserted,
       pg_stat_get_tuples_updated(c.oid) AS updated,
       pg_stat_get_tuples_hot_updated(c.oid) AS hot_updated,
       pg_stat_get_tuples_deleted(c.oid) AS deleted,
       pg_stat_get_live_tuples(c.oid) AS live_rows, pg_stat_get_dead_tuples(c.oid) AS dead_rows,
       pg_stat_get_mod_since_analyze(c.oid) AS modified_since_analyze,
       coalesce(extract(epoch FROM greatest(pg_stat_get_last_vacuum_time(c.oid),
         pg_stat_get_last_autovacuum_time(c.oid))), 0) AS vacuumed,
       coalesce(extract(epoch FROM greatest(pg_stat_get_last_analyze_time(c.oid),
         pg_stat_get_last_autoanalyze_time(c.oid))), 0) AS analyzed,
       coalesce(extract(epoch FROM pg_stat_get_last_autovacuum_time(c.oid)), 0) AS autovacuumed,
       pg_stat_get_blocks_fetched(c.oid) - pg_stat_get_blocks_hit(c.oid) AS heap_blocks_read,
       pg_stat_get_blocks_hit(c.oid) AS heap_blocks_hit
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN (SELECT i.indrelid, sum(pg_stat_get_numscans(i.indexrelid)) AS scans FROM pg_index i
           WHERE i.indrelid >= 16384 GROUP BY i.indrelid) x ON x.indrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'm') AND {{user_schema}} AND {{is_in_scope}}
ORDER BY c.oid)";

/// Both lists are in the order of the oids, and the statistics are of a part of the relations.
void take_table_stats(const postgres::Rows& rows, ReadState& state) {
  std::vector<Relation> stats = decode_rows<Relation>(rows);
  auto stat = stats.begin();
  for (Relation& relation : state.db.relations) {
    while (stat != stats.end() && stat->oid < relation.oid)
      ++stat;
    if (stat == stats.end()) return;
    if (stat->oid != relation.oid) continue;
    relation.seq_scans = stat->seq_scans;
    relation.seq_rows_read = stat->seq_rows_read;
    relation.index_scans = stat->index_scans;
    relation.inserted = stat->inserted;
    relation.updated = stat->updated;
    relation.hot_updated = stat->hot_updated;
    relation.deleted = stat->deleted;
    relation.live_rows = stat->live_rows;
    relation.dead_rows = stat->dead_rows;
    relation.modified_since_analyze = stat->modified_since_analyze;
    relation.vacuumed = stat->vacuumed;
    relation.analyzed = stat->analyzed;
    relation.autovacuumed = stat->autovacuumed;
    relation.heap_blocks_read = stat->heap_blocks_read;
    relation.heap_blocks_hit = stat->heap_blocks_hit;
  }
}

constexpr Reader kRelationReaders[] = {
    {.name = "locked relations",
     .facts = Facts::none,
     .title = "Relations that DDL of other sessions holds or waits for",
     .sql = kLocked,
     .take = take_locked,
     .fills_probe = true},
    {.name = "schemas",
     .facts = Facts::schemas,
     .title = "Schemas and what PUBLIC may do in them",
     .sql = kSchemas,
     .take = take_list<&Snapshot::schemas>},
    {.name = "relations",
     .facts = Facts::relations,
     .title = "Tables, views and their sizes, ages, options and grants",
     .sql = kRelations,
     .take = take_list<&Snapshot::relations>},
    {.name = "table statistics",
     .facts = Facts::table_stats,
     .title = "How tables are read, written, vacuumed and analysed",
     .sql = kTableStats,
     .take = take_table_stats},
};

} // namespace

const std::span<const Reader> relation_readers{kRelationReaders};
const Reader& lock_reader = kRelationReaders[0];

} // namespace pgkeep::catalog
