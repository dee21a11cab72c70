// What stands in the way of partitions, and what theirs is to have.
#include "migrate/shadow_sql.h"

namespace pgkeep::migrate {

const std::string_view kShadowPartitionRefusals = R"(
WITH t AS (
  SELECT c.*, n.nspname, format('%I.%I', n.nspname, c.relname) AS q
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid
), parts AS (
  SELECT w.name, coalesce(nullif(w.schema, ''), t.nspname) AS schema
    FROM t, unnest($3::text[], $4::text[]) w(name, schema)
)
SELECT x.line FROM (
  SELECT 1, format('%s is unlogged', q) FROM t WHERE relpersistence = 'u'
   UNION ALL
  SELECT 2, format('%s has no column %I', q, k) FROM t, unnest($2::text[]) k
   WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = k
                      AND a.attnum > 0 AND NOT a.attisdropped)
   UNION ALL
  -- PostgreSQL keeps values unique in each partition alone.
  SELECT 3, format('%s %I lacks %s: make it anew with (%s) first',
                   CASE WHEN i.indisprimary THEN 'the primary key'
                        WHEN c.contype = 'u' THEN 'the unique constraint'
                        ELSE 'the unique index' END, ic.relname,
                   (SELECT string_agg(quote_ident(k), ', ') FROM unnest($2::text[]) k
                     WHERE k <> ALL (o.names)),
                   (SELECT string_agg(quote_ident(k), ', ' ORDER BY place)
                      FROM unnest(o.names || (SELECT array_agg(k) FROM unnest($2::text[]) k
                                               WHERE k <> ALL (o.names)))
                           WITH ORDINALITY a(k, place)))
    FROM t JOIN pg_index i ON i.indrelid = t.oid AND i.indisvalid AND i.indisunique
    JOIN pg_class ic ON ic.oid = i.indexrelid
    LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.conrelid = t.oid
         AND c.contype IN ('p', 'u')
    CROSS JOIN LATERAL (
      SELECT coalesce(array_agg(a.attname::text ORDER BY k.place), '{}') AS names
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, place)
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum
       WHERE k.place <= i.indnkeyatts) o
   WHERE NOT o.names @> $2::text[]
   UNION ALL
  SELECT 4, format('the exclusion constraint %I would hold in each partition alone', c.conname)
    FROM t JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype = 'x'
   UNION ALL
  SELECT 5, format('the foreign key %I leads to %s itself', c.conname, q)
    FROM t JOIN pg_constraint c ON c.conrelid = t.oid AND c.confrelid = t.oid AND c.contype = 'f'
   UNION ALL
  SELECT 6, format('the foreign key %I is not valid yet', c.conname)
    FROM t JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype = 'f' AND NOT c.convalidated
   UNION ALL
  SELECT 7, format('the trigger %I fires for each row and has a transition table', g.tgname)
    FROM t JOIN pg_trigger g ON g.tgrelid = t.oid AND g.tgtype & 1 = 1
     AND (g.tgoldtable IS NOT NULL OR g.tgnewtable IS NOT NULL)
   UNION ALL
  SELECT 8, format('the publication %1$I would send changes under the names of partitions: ALTER '
                   'PUBLICATION %1$I SET (publish_via_partition_root = true) first', p.pubname)
    FROM t JOIN pg_publication_rel r ON r.prrelid = t.oid JOIN pg_publication p ON p.oid = r.prpubid
   WHERE NOT p.pubviaroot
   UNION ALL
  SELECT 9, format('%I.%I is there already', schema, name) FROM parts
   WHERE to_regclass(format('%I.%I', schema, name)) IS NOT NULL
   UNION ALL
  SELECT 9, format('there is no schema %I', schema) FROM parts
   WHERE to_regnamespace(quote_ident(schema)) IS NULL
   UNION ALL
  SELECT DISTINCT 9, format('the owner %I has no USAGE on the schema %I',
                            pg_get_userbyid(t.relowner), p.schema)
    FROM t, parts p
   WHERE NOT has_schema_privilege(t.relowner, to_regnamespace(quote_ident(p.schema)), 'USAGE')
) x(place, line) ORDER BY x.place, x.line)";

const std::string_view kShadowPartitionStorage = R"(
SELECT m.amname,
       (SELECT string_agg(format('%s=%L', split_part(o, '=', 1), substr(o, strpos(o, '=') + 1)),
                          ', ')
          FROM (SELECT unnest(c.reloptions)
                 UNION ALL
                SELECT 'toast.' || unnest(k.reloptions) FROM pg_class k
                 WHERE k.oid = c.reltoastrelid) every_one(o)),
       CASE c.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING' END
  FROM pg_class c JOIN pg_am m ON m.oid = c.relam WHERE c.oid = $1::oid)";

} // namespace pgkeep::migrate
