/// The statements by which a Model is read. Private to src/migrate/declare.
///
/// With search_path = pg_catalog every name outside of it is written with its schema. What belongs
/// to an extension is not here: it comes and goes with it.
/// Source: PostgreSQL manual, catalogs; functions-info (pg_identify_object).
#pragma once

#include <string_view>

namespace pgkeep::migrate::declaring {

inline constexpr std::string_view kRelationsSql = R"(
SELECT c.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relkind,
       c.relpersistence = 'u', c.relforcerowsecurity, c.relreplident,
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
       array_to_string(c.reloptions || (SELECT array_agg('toast.' || o) FROM pg_class t,
         unnest(t.reloptions) o WHERE t.oid = c.reltoastrelid), chr(1)),
       (SELECT string_agg(quote_ident(pn.nspname) || '.' || quote_ident(p.relname), chr(1))
        FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
        JOIN pg_namespace pn ON pn.oid = p.relnamespace
        WHERE h.inhrelid = c.oid AND NOT c.relispartition),
       pg_get_expr(c.relpartbound, c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_'
  AND n.nspname <> 'information_schema')";

inline constexpr std::string_view kColumnsSql = R"(
SELECT a.attrelid, quote_ident(a.attname), a.attnum, format_type(a.atttypid, a.atttypmod),
       a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attidentity,
       CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0
            THEN (SELECT quote_ident(m.nspname) || '.' || quote_ident(co.collname)
                  FROM pg_collation co JOIN pg_namespace m ON m.oid = co.collnamespace
                  WHERE co.oid = a.attcollation) END,
       CASE WHEN a.attstorage <> t.typstorage THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN'
            WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END,
       CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
       CASE WHEN coalesce(a.attstattarget, -1) >= 0 THEN a.attstattarget::text END,
       (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(a.attoptions) o
        WHERE NOT starts_with(o, 'pg_')),
       a.attinhcount > 0
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_'
  AND n.nspname <> 'information_schema' AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum)";

/// Arguments: the classes and oids of pg_dump's contents.
inline constexpr std::string_view kNamesSql = R"(
SELECT w.class, w.oid, i.type, i.identity,
       (SELECT quote_ident(tn.nspname) || '.' || quote_ident(tc.relname)
        FROM pg_class tc JOIN pg_namespace tn ON tn.oid = tc.relnamespace
        WHERE tc.oid = coalesce(
          (SELECT x.indrelid FROM pg_index x WHERE x.indexrelid = w.oid AND w.class = 1259),
          (SELECT k.conrelid FROM pg_constraint k WHERE k.oid = w.oid AND w.class = 2606),
          (SELECT g.tgrelid FROM pg_trigger g WHERE g.oid = w.oid AND w.class = 2620),
          (SELECT p.polrelid FROM pg_policy p WHERE p.oid = w.oid AND w.class = 3256),
          (SELECT r.ev_class FROM pg_rewrite r WHERE r.oid = w.oid AND w.class = 2618),
          (SELECT s.stxrelid FROM pg_statistic_ext s WHERE s.oid = w.oid AND w.class = 3381),
          (SELECT b.prrelid FROM pg_publication_rel b WHERE b.oid = w.oid AND w.class = 6106),
          (SELECT f.adrelid FROM pg_attrdef f WHERE f.oid = w.oid AND w.class = 2604)))
FROM unnest($1::oid[], $2::oid[]) w(class, oid)
CROSS JOIN LATERAL pg_identify_object(w.class, w.oid, 0) i
WHERE i.identity IS NOT NULL)";

/// pg_dump writes these inside of CREATE TABLE.
inline constexpr std::string_view kChecksSql = R"(
SELECT k.oid, quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(k.conname),
       pg_get_constraintdef(k.oid), n.nspname, c.relname, k.conname
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'c' AND k.conislocal AND k.coninhcount = 0 AND c.relkind IN ('r', 'p', 'f')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 2, 3)";

inline constexpr std::string_view kKeyIndexesSql = R"(
SELECT k.oid, pg_get_indexdef(k.conindid) FROM pg_constraint k
WHERE k.contype IN ('p', 'u') AND k.conindid >= 16384 AND k.conparentid = 0)";

/// A label or attribute a row, in order.
inline constexpr std::string_view kTypesSql = R"(
SELECT quote_ident(n.nspname) || '.' || quote_ident(t.typname), t.typtype,
       CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod)
         || CASE WHEN t.typcollation NOT IN (0, b.typcollation)
                 THEN ' COLLATE ' || t.typcollation::regcollation ELSE '' END END,
       t.typdefault, t.typnotnull, x.name, x.value
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_class c ON c.oid = t.typrelid
LEFT JOIN pg_type b ON b.oid = t.typbasetype
LEFT JOIN LATERAL (
  SELECT e.enumlabel::text AS name, NULL::text AS value, e.enumsortorder::float8 AS place
  FROM pg_enum e WHERE e.enumtypid = t.oid
  UNION ALL
  SELECT quote_ident(a.attname), format_type(a.atttypid, a.atttypmod)
         || CASE WHEN a.attcollation NOT IN (0, y.typcollation)
                 THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END, a.attnum
  FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
  WHERE a.attrelid = t.typrelid AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT quote_ident(k.conname), pg_get_constraintdef(k.oid), 0
  FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c') x ON true
WHERE t.typtype IN ('c', 'd', 'e') AND (t.typrelid = 0 OR c.relkind = 'c')
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, x.place, x.name)";

inline constexpr std::string_view kRoutinesSql = R"(
SELECT p.oid, concat_ws('|', p.prokind, p.proretset, pg_get_function_result(p.oid), p.proargnames,
                        p.proargmodes, p.proallargtypes::regtype[], p.provariadic), p.pronargdefaults
FROM pg_proc p WHERE p.oid >= 16384)";

inline constexpr std::string_view kSequencesSql = R"(
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname),
       format('AS %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s CACHE %s %s',
              format_type(s.seqtypid, NULL), s.seqincrement, s.seqmin, s.seqmax, s.seqstart,
              s.seqcache, CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END),
       o.relation, o.attribute, o.deptype = 'i'
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
  SELECT quote_ident(tn.nspname) || '.' || quote_ident(t.relname) AS relation,
         quote_ident(a.attname) AS attribute, d.deptype
  FROM pg_depend d JOIN pg_class t ON t.oid = d.refobjid
  JOIN pg_namespace tn ON tn.oid = t.relnamespace
  JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
    AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid <> 0 LIMIT 1) o ON true)";

/// What an owner may is nobody's grant. Default privileges of a schema come on top of the others.
inline constexpr std::string_view kGrantsSql = R"(
WITH held(class_id, oid, front, target, scope, acl, owner) AS (
  SELECT 1259::oid, c.oid, '', CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END
           || quote_ident(n.nspname) || '.' || quote_ident(c.relname), '', c.relacl, c.relowner
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relacl IS NOT NULL AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  UNION ALL
  SELECT 1259, c.oid, ' (' || quote_ident(a.attname) || ')', 'TABLE ' || quote_ident(n.nspname)
           || '.' || quote_ident(c.relname), '', a.attacl, c.relowner
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND n.nspname !~ '^pg_'
    AND n.nspname <> 'information_schema'
  UNION ALL
  SELECT 1255, p.oid, '', 'ROUTINE ' || (pg_identify_object(1255, p.oid, 0)).identity, '',
         coalesce(p.proacl, acldefault('f', p.proowner)), p.proowner
  FROM pg_proc p WHERE p.oid >= 16384
  UNION ALL
  SELECT 2615, n.oid, '', 'SCHEMA ' || quote_ident(n.nspname), '',
         coalesce(n.nspacl, acldefault('n', n.nspowner)), n.nspowner
  FROM pg_namespace n WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  UNION ALL
  SELECT 1247, t.oid, '', 'TYPE ' || (pg_identify_object(1247, t.oid, 0)).identity, '',
         coalesce(t.typacl, acldefault('T', t.typowner)), t.typowner
  FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.oid >= 16384 AND t.typelem = 0 AND (t.typrelid = 0 OR c.relkind = 'c')
    AND t.typtype <> 'm'
  UNION ALL
  SELECT 826, d.oid, '', CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
           WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' END,
         concat_ws(' ', CASE WHEN d.defaclrole <> 10 THEN
                          'FOR ROLE ' || quote_ident(pg_get_userbyid(d.defaclrole)) END,
                   CASE WHEN d.defaclnamespace <> 0 THEN
                     'IN SCHEMA ' || (SELECT quote_ident(n.nspname) FROM pg_namespace n
                                      WHERE n.oid = d.defaclnamespace) END) || ' ',
         d.defaclacl, d.defaclrole
  FROM pg_default_acl d)
SELECT h.class_id, h.oid, h.front, h.target, h.scope,
       CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
       x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END,
       x.grantee = h.owner
FROM held h LEFT JOIN LATERAL aclexplode(h.acl) x ON true
WHERE h.class_id = 826
   OR NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = h.class_id AND e.objid = h.oid
                  AND e.deptype = 'e'))";

inline constexpr std::string_view kCommentsSql = R"(
SELECT d.classoid, d.objoid, d.objsubid, CASE
         WHEN d.objsubid <> 0 THEN 'COLUMN ' || i.identity
         WHEN i.type = 'table constraint' THEN 'CONSTRAINT ' || i.identity
         WHEN i.type = 'domain constraint' THEN 'CONSTRAINT '
           || replace(i.identity, ' on ', ' ON DOMAIN ')
         WHEN i.type = 'statistics object' THEN 'STATISTICS ' || i.identity
         WHEN i.type IN ('composite type', 'type') THEN 'TYPE ' || i.identity
         WHEN i.type = 'foreign-data wrapper' THEN 'FOREIGN DATA WRAPPER ' || i.identity
         ELSE upper(i.type) || ' ' || i.identity END, d.description
FROM pg_description d
CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) i
WHERE i.identity IS NOT NULL AND i.type <> 'extension'
  AND (d.objoid >= 16384 OR d.classoid = 2615 AND d.objoid = 'public'::regnamespace
       AND d.description <> 'standard public schema')
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = d.classoid AND e.objid = d.objoid
                  AND e.deptype = 'e'))";

/// Views stand for their rules, columns for their defaults, elements for their arrays, and tables
/// for their row types.
inline constexpr std::string_view kDependenciesSql = R"(
WITH edge AS (
  SELECT d.classid, d.objid, d.objsubid, d.refclassid, d.refobjid, d.refobjsubid, d.deptype
  FROM pg_depend d
  WHERE d.objid >= 16384 AND d.refobjid >= 16384 AND d.deptype <> 'e'),
named AS (
  SELECT e.*, w.ev_class, w.rulename, f.adrelid, f.adnum
  FROM edge e
  LEFT JOIN pg_rewrite w ON e.classid = 'pg_rewrite'::regclass AND w.oid = e.objid
  LEFT JOIN pg_attrdef f ON e.classid = 'pg_attrdef'::regclass AND f.oid = e.objid)
SELECT CASE WHEN n.rulename = '_RETURN' OR n.adrelid IS NOT NULL THEN 1259 ELSE n.classid END,
       CASE WHEN n.rulename = '_RETURN' THEN n.ev_class ELSE coalesce(n.adrelid, n.objid) END,
       CASE WHEN n.adrelid IS NOT NULL THEN n.adnum ELSE n.objsubid END,
       CASE WHEN r.relkind = 'c' THEN 1247 WHEN t.typrelid <> 0 AND tc.relkind <> 'c' THEN 1259
            ELSE n.refclassid END,
       CASE WHEN r.relkind = 'c' THEN r.reltype WHEN t.typrelid <> 0 AND tc.relkind <> 'c'
            THEN t.typrelid WHEN t.typelem <> 0 AND t.typlen = -1 AND el.typarray = t.oid
            THEN el.oid ELSE n.refobjid END,
       n.refobjsubid, CASE WHEN n.adrelid IS NOT NULL THEN 'D' ELSE n.deptype END
FROM named n
LEFT JOIN pg_class r ON n.refclassid = 'pg_class'::regclass AND r.oid = n.refobjid
LEFT JOIN pg_type t ON n.refclassid = 'pg_type'::regclass AND t.oid = n.refobjid
LEFT JOIN pg_class tc ON tc.oid = t.typrelid
LEFT JOIN pg_type el ON el.oid = t.typelem)";

} // namespace pgkeep::migrate::declaring
