// What only matters for telling whether two databases are the same: types, extended statistics,
// publications, foreign servers, and what is not as usual about columns, tables and sequences.
//
// Ordinary things have no row (a column stored as its type is, a table in the default tablespace),
// so a large catalog gives few. Options of foreign objects may be secrets: their values are
// digests, and those whose name says password are not read at all (a digest of a weak password can
// be guessed).
#include "catalog/reader.h"

namespace pgkeep::catalog {
namespace {

constexpr std::string_view kTypeDefinitions = R"(
WITH listed AS MATERIALIZED (
  SELECT t.*, quote_ident(n.nspname) || '.' || quote_ident(t.typname) AS object
  FROM pg_type t
  JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE t.typtype IN ('b', 'c', 'd', 'e', 'r') AND {{user_schema}} AND t.oid >= 16384
    AND (t.typrelid = 0 OR c.relkind = 'c')
    AND (t.typtype <> 'b' OR t.typsubscript <> 'array_subscript_handler'::regproc)
    AND t.oid NOT IN (SELECT x.objid FROM pg_depend x
                      WHERE x.refclassid = 'pg_extension'::regclass
                        AND x.classid = 'pg_type'::regclass AND x.deptype = 'e')
)
SELECT 'type' AS kind, t.object, x.property, x.value
FROM listed t
CROSS JOIN LATERAL (VALUES
  ('kind', CASE t.typtype WHEN 'b' THEN 'base' WHEN 'c' THEN 'composite' WHEN 'd' THEN 'domain'
                          WHEN 'e' THEN 'enum' ELSE 'range' END),
  ('owner', pg_get_userbyid(t.typowner)),
  ('base type', CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END),
  ('not null', CASE WHEN t.typtype = 'd' AND t.typnotnull THEN 'true' END),
  ('default', CASE WHEN t.typdefault IS NOT NULL THEN 'md5:' || md5(t.typdefault) END),
  ('collation', CASE WHEN t.typtype = 'd' AND t.typcollation NOT IN (0, 100)
                     THEN (SELECT quote_ident(m.nspname) || '.' || quote_ident(co.collname)
                           FROM pg_collation co JOIN pg_namespace m ON m.oid = co.collnamespace
                           WHERE co.oid = t.typcollation) END),
  ('storage', CASE WHEN t.typtype = 'b' THEN concat_ws(' ', t.typlen, t.typalign, t.typstorage,
     t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin, t.typmodout, t.typsubscript) END)
  ) x(property, value)
WHERE x.value IS NOT NULL
UNION ALL
SELECT 'type', t.object, 'labels',
       (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
        FROM pg_enum e WHERE e.enumtypid = t.oid)
FROM listed t WHERE t.typtype = 'e'
UNION ALL
SELECT 'type', t.object, 'attributes',
       (SELECT string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                 || CASE WHEN a.attcollation <> y.typcollation
                         THEN ' collate ' || a.attcollation::regcollation ELSE '' END,
               ', ' ORDER BY a.attnum)
        FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
        WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)
FROM listed t WHERE t.typtype = 'c'
UNION ALL
SELECT 'type', t.object, 'range',
       concat_ws(' ', format_type(r.rngsubtype, NULL), o.opcname, nullif(r.rngcollation, 0)::regcollation,
                 nullif(r.rngcanonical::oid, 0)::regproc, nullif(r.rngsubdiff::oid, 0)::regproc)
FROM listed t JOIN pg_range r ON r.rngtypid = t.oid JOIN pg_opclass o ON o.oid = r.rngsubopc
UNION ALL
SELECT 'type', t.object, 'constraint ' || quote_ident(con.conname),
       'md5:' || md5(pg_get_constraintdef(con.oid))
FROM listed t JOIN pg_constraint con ON con.contypid = t.oid WHERE con.contype = 'c')";

// attstattarget and stxstattarget are NULL by default from 17 on, -1 before. Options that begin
// with pg_ are the server's own notes (15.20 keeps pg_attver there, another number for each
// column). What a NOT NULL is called is told only where it is not what the server would call it.
constexpr std::string_view kColumnDetails = R"(
WITH listed AS MATERIALIZED (
  SELECT c.oid, n.nspname, c.relname
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid >= 16384 AND {{user_kinds}} AND {{user_schema}} AND {{is_in_scope}}
), odd AS MATERIALIZED (
  -- Few, so they are found before anything is joined to their names.
  SELECT a.attrelid, a.attname,
         CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage::text END AS storage,
         nullif(a.attcompression, '')::text AS compression,
         CASE WHEN coalesce(a.attstattarget, -1) >= 0 THEN a.attstattarget::text END AS target,
         (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(a.attoptions) o
          WHERE NOT starts_with(o, 'pg_')) AS options,
         CASE WHEN a.attfdwoptions IS NOT NULL THEN
           (SELECT string_agg(split_part(f, '=', 1) || '=md5:' || md5(substr(f, strpos(f, '=') + 1)),
                              ', ' ORDER BY f) FROM unnest(a.attfdwoptions) f) END AS fdw_options
  FROM pg_attribute a
  JOIN pg_type t ON t.oid = a.atttypid
  WHERE a.attrelid >= 16384 AND a.attnum > 0 AND NOT a.attisdropped
    AND (a.attstorage <> t.typstorage OR a.attcompression <> ''
         OR coalesce(a.attstattarget, -1) >= 0
         OR EXISTS (SELECT FROM unnest(a.attoptions) o WHERE NOT starts_with(o, 'pg_'))
         OR a.attfdwoptions IS NOT NULL)
)
SELECT 'column' AS kind, quote_ident(l.nspname) || '.' || quote_ident(l.relname) || '.'
         || quote_ident(o.attname) AS object, x.property, x.value
FROM odd o
JOIN listed l ON l.oid = o.attrelid
CROSS JOIN LATERAL (VALUES ('storage', o.storage), ('compression', o.compression),
                           ('statistics target', o.target), ('options', o.options),
                           ('foreign options', o.fdw_options)) x(property, value)
WHERE x.value IS NOT NULL
UNION ALL
SELECT 'column', quote_ident(l.nspname) || '.' || quote_ident(l.relname) || '.'
         || quote_ident(a.attname), 'not-null constraint', con.conname
         || CASE WHEN con.connoinherit THEN ' no inherit' ELSE '' END
FROM pg_constraint con
JOIN listed l ON l.oid = con.conrelid
JOIN pg_attribute a ON a.attrelid = l.oid AND a.attnum = con.conkey[1]
WHERE con.contype = 'n' AND con.coninhcount = 0
  AND (con.connoinherit OR octet_length(l.relname || '_' || a.attname || '_not_null') < 64
       AND con.conname <> l.relname || '_' || a.attname || '_not_null'))";

// Names are put together for what has a row only.
constexpr std::string_view kRelations = R"(
WITH listed AS MATERIALIZED (
  SELECT c.oid, n.nspname, c.relname, c.relkind, c.reltablespace, c.relam, c.reloftype,
         c.relispartition, c.relpersistence
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid >= 16384 AND ({{user_kinds}} OR c.relkind IN ('S', 'i', 'I')) AND {{user_schema}}
    AND {{is_in_scope}}
), odd AS MATERIALIZED (
  SELECT l.oid, 'tablespace' AS property, s.spcname::text AS value
  FROM listed l JOIN pg_tablespace s ON s.oid = l.reltablespace
  UNION ALL
  SELECT l.oid, 'access method', a.amname
  FROM listed l JOIN pg_am a ON a.oid = l.relam
  WHERE l.relkind IN ('r', 'p', 'm') AND a.amname <> 'heap'
  UNION ALL
  SELECT l.oid, 'of type', format_type(l.reloftype, NULL)
  FROM listed l WHERE l.reloftype <> 0
  UNION ALL
  SELECT l.oid, 'inherits', string_agg(h.inhparent::regclass::text, ', ' ORDER BY h.inhseqno)
  FROM listed l JOIN pg_inherits h ON h.inhrelid = l.oid
  WHERE l.relkind IN ('r', 'f') AND NOT l.relispartition
  GROUP BY l.oid
  UNION ALL
  SELECT i.indexrelid, 'clustered', 'true' FROM pg_index i WHERE i.indisclustered
  UNION ALL
  SELECT q.seqrelid, 'cache', q.seqcache::text FROM pg_sequence q WHERE q.seqcache <> 1
  UNION ALL
  SELECT l.oid, 'persistence', 'unlogged'
  FROM listed l WHERE l.relkind = 'S' AND l.relpersistence = 'u'
  UNION ALL
  SELECT t.ftrelid, x.property, x.value
  FROM pg_foreign_table t
  JOIN pg_foreign_server s ON s.oid = t.ftserver
  CROSS JOIN LATERAL (VALUES ('server', quote_ident(s.srvname)), ('foreign options',
    (SELECT string_agg(split_part(f, '=', 1) || '=md5:' || md5(substr(f, strpos(f, '=') + 1)),
                       ', ' ORDER BY f) FROM unnest(t.ftoptions) f))) x(property, value)
  WHERE x.value IS NOT NULL
)
SELECT CASE l.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                      WHEN 'f' THEN 'foreign table' WHEN 'S' THEN 'sequence' WHEN 'i' THEN 'index'
                      WHEN 'I' THEN 'index' ELSE 'table' END AS kind,
       quote_ident(l.nspname) || '.' || quote_ident(l.relname) AS object, o.property, o.value
FROM odd o JOIN listed l ON l.oid = o.oid
UNION ALL
SELECT 'statistics object', quote_ident(n.nspname) || '.' || quote_ident(e.stxname), x.property,
       x.value
FROM pg_statistic_ext e
JOIN pg_namespace n ON n.oid = e.stxnamespace
JOIN listed l ON l.oid = e.stxrelid
-- The server writes columns in the order that the table has them.
CROSS JOIN LATERAL (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.place) AS theirs,
                           string_agg(quote_ident(a.attname), ', '
                                      ORDER BY a.attname::text COLLATE "C") AS sorted
                    FROM unnest(e.stxkeys::int2[]) WITH ORDINALITY k(number, place)
                    JOIN pg_attribute a ON a.attrelid = e.stxrelid AND a.attnum = k.number) w
CROSS JOIN LATERAL (VALUES ('definition', coalesce(replace(pg_get_statisticsobjdef(e.oid),
    ' ON ' || w.theirs, ' ON ' || w.sorted), pg_get_statisticsobjdef(e.oid))),
  ('statistics target', nullif(coalesce(e.stxstattarget, -1), -1)::text),
  ('owner', pg_get_userbyid(e.stxowner))) x(property, value)
WHERE x.value IS NOT NULL)";

constexpr std::string_view kPublications = R"(
SELECT 'publication' AS kind, quote_ident(p.pubname) AS object, x.property, x.value
FROM pg_publication p
CROSS JOIN LATERAL (VALUES
  ('definition', concat_ws(', ', CASE WHEN p.puballtables THEN 'all tables' END,
     CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
     CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END,
     CASE WHEN p.pubviaroot THEN 'via root' END,
     CASE WHEN {{publication_generated}} THEN 'generated columns' END)),
  ('owner', pg_get_userbyid(p.pubowner))) x(property, value)
UNION ALL
SELECT 'publication', quote_ident(p.pubname),
       'table ' || quote_ident(n.nspname) || '.' || quote_ident(c.relname),
       'published' || {{publication_filter}}
FROM pg_publication_rel r
JOIN pg_publication p ON p.oid = r.prpubid
JOIN pg_class c ON c.oid = r.prrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {{is_in_scope}}
{{publication_schemas}})";

constexpr std::string_view kForeign = R"(
WITH option AS MATERIALIZED (
  SELECT o.class, o.oid, string_agg(split_part(f, '=', 1) || CASE
           WHEN split_part(f, '=', 1) ~* '(passw|secret|token|api_?key)' THEN '=***'
           ELSE '=md5:' || md5(substr(f, strpos(f, '=') + 1)) END, ', ' ORDER BY f) AS list
  FROM (SELECT 'w' AS class, w.oid, w.fdwoptions AS options FROM pg_foreign_data_wrapper w
        UNION ALL SELECT 's', s.oid, s.srvoptions FROM pg_foreign_server s
        UNION ALL SELECT 'u', m.umid, m.umoptions FROM pg_user_mappings m) o
  CROSS JOIN LATERAL unnest(o.options) f
  GROUP BY o.class, o.oid
)
SELECT 'foreign-data wrapper' AS kind, quote_ident(w.fdwname) AS object, x.property, x.value
FROM pg_foreign_data_wrapper w LEFT JOIN option o ON o.class = 'w' AND o.oid = w.oid
CROSS JOIN LATERAL (VALUES ('handler', w.fdwhandler::regproc::text),
  ('validator', w.fdwvalidator::regproc::text), ('options', o.list),
  ('owner', pg_get_userbyid(w.fdwowner))) x(property, value)
WHERE x.value IS NOT NULL
  AND w.oid NOT IN (SELECT d.objid FROM pg_depend d
                    WHERE d.classid = 'pg_foreign_data_wrapper'::regclass AND d.deptype = 'e')
UNION ALL
SELECT 'server', quote_ident(s.srvname), x.property, x.value
FROM pg_foreign_server s
JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw
LEFT JOIN option o ON o.class = 's' AND o.oid = s.oid
CROSS JOIN LATERAL (VALUES ('wrapper', quote_ident(w.fdwname)), ('type', s.srvtype),
  ('version', s.srvversion), ('options', o.list), ('owner', pg_get_userbyid(s.srvowner)))
  x(property, value)
WHERE x.value IS NOT NULL
UNION ALL
SELECT 'user mapping', quote_ident(coalesce(m.usename, 'public')) || ' on server '
         || quote_ident(m.srvname), 'options', coalesce(o.list, '')
FROM pg_user_mappings m LEFT JOIN option o ON o.class = 'u' AND o.oid = m.umid)";

// Things that few databases have of their own: that they are there, and what they are made of.
constexpr std::string_view kOthers = R"(
WITH own AS (
  SELECT 'pg_collation'::regclass AS class, co.oid, concat_ws(' ', co.collprovider,
           co.collisdeterministic, coalesce({{collation_locale}}, co.collcollate), co.collctype,
           {{collation_rules}}) AS text
  FROM pg_collation co
  UNION ALL
  SELECT 'pg_operator'::regclass, o.oid, concat_ws(' ', o.oprcode, o.oprrest, o.oprjoin,
           o.oprcanmerge, o.oprcanhash, nullif(o.oprcom, 0)::regoperator,
           nullif(o.oprnegate, 0)::regoperator)
  FROM pg_operator o
  UNION ALL
  SELECT 'pg_opclass'::regclass, o.oid, concat_ws(' ', o.opcintype::regtype, o.opcdefault,
           nullif(o.opckeytype, 0)::regtype)
  FROM pg_opclass o
  UNION ALL
  SELECT 'pg_opfamily'::regclass, o.oid, concat_ws(' ',
           (SELECT string_agg(a.amopstrategy || ' ' || a.amopopr::regoperator, ', '
                              ORDER BY a.amopstrategy, a.amopopr::regoperator::text)
            FROM pg_amop a WHERE a.amopfamily = o.oid),
           (SELECT string_agg(a.amprocnum || ' ' || a.amproc::regprocedure, ', '
                              ORDER BY a.amprocnum, a.amproc::regprocedure::text)
            FROM pg_amproc a WHERE a.amprocfamily = o.oid))
  FROM pg_opfamily o WHERE o.oid >= 16384
  UNION ALL
  SELECT 'pg_conversion'::regclass, o.oid, concat_ws(' ', o.conproc, o.condefault)
  FROM pg_conversion o
  UNION ALL
  SELECT 'pg_cast'::regclass, o.oid, concat_ws(' ', o.castfunc::regproc, o.castcontext, o.castmethod)
  FROM pg_cast o
  UNION ALL
  SELECT 'pg_transform'::regclass, o.oid, concat_ws(' ', o.trffromsql, o.trftosql)
  FROM pg_transform o
  UNION ALL
  SELECT 'pg_am'::regclass, o.oid, concat_ws(' ', o.amhandler, o.amtype) FROM pg_am o
  UNION ALL
  SELECT 'pg_ts_config'::regclass, o.oid, concat_ws(' ', o.cfgparser,
           (SELECT string_agg(m.maptokentype || ' ' || m.mapdict::regdictionary, ', '
                              ORDER BY m.maptokentype, m.mapseqno)
            FROM pg_ts_config_map m WHERE m.mapcfg = o.oid))
  FROM pg_ts_config o WHERE o.oid >= 16384
  UNION ALL
  SELECT 'pg_ts_dict'::regclass, o.oid, o.dictinitoption FROM pg_ts_dict o
  UNION ALL
  SELECT 'pg_ts_parser'::regclass, o.oid, concat_ws(' ', o.prsstart, o.prstoken, o.prsend)
  FROM pg_ts_parser o
  UNION ALL
  SELECT 'pg_ts_template'::regclass, o.oid, concat_ws(' ', o.tmplinit, o.tmpllexize)
  FROM pg_ts_template o
)
SELECT i.type AS kind, i.identity AS object, 'definition' AS property,
       'md5:' || md5(coalesce(o.text, '')) AS value
FROM own o
CROSS JOIN LATERAL pg_identify_object(o.class, o.oid, 0) i
WHERE o.oid >= 16384 AND coalesce(i.schema, '') !~ '^pg_temp'
  AND i.identity IS NOT NULL
  -- Neither an extension's nor what came with a type.
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype IN ('e', 'i')))";

constexpr Reader kDetailReaders[] = {
    {.name = "type definitions",
     .facts = Facts::details,
     .title = "Enums, domains, composite types and ranges",
     .sql = kTypeDefinitions,
     .take = take_definitions},
    {.name = "column details",
     .facts = Facts::details,
     .title = "Columns with a storage, compression or statistics target of their own",
     .sql = kColumnDetails,
     .take = take_definitions},
    {.name = "relation details",
     .facts = Facts::details,
     .title = "Tablespaces, inheritance, foreign tables, extended statistics",
     .sql = kRelations,
     .take = take_definitions},
    {.name = "publication definitions",
     .facts = Facts::details,
     .title = "What publications publish",
     .sql = kPublications,
     .take = take_definitions},
    {.name = "foreign servers",
     .facts = Facts::details,
     .title = "Foreign-data wrappers, servers and user mappings, without their secrets",
     .sql = kForeign,
     .take = take_definitions},
    {.name = "other objects",
     .facts = Facts::details,
     .title = "Collations, operators, casts, text search and access methods that users made",
     .sql = kOthers,
     .take = take_definitions},
};

} // namespace

const std::span<const Reader> detail_readers{kDetailReaders};

} // namespace pgkeep::catalog
