// What stands in the way of a shadow table, and what one is made of.
#include "migrate/shadow_sql.h"

namespace pgkeep::migrate {

const std::string_view kShadowRefusals = R"(
WITH t AS (
  SELECT c.*, n.nspname, format('%I.%I', n.nspname, c.relname) AS q
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid
)
SELECT x.line FROM (
  SELECT 1, CASE WHEN t.relkind = 'p' THEN format(
                   '%s is partitioned, and each of its partitions would have to be swapped at once; '
                   'for another type of a column: a second column (ADD COLUMN is instant), filled by '
                   '-- pgkeep:batch; for room or a tablespace: one partition after the other', q)
                 WHEN t.relkind <> 'r' THEN format('%s is no plain table', q)
                 WHEN t.relpersistence = 't' THEN format('%s is a temporary table', q)
                 WHEN t.relispartition THEN format(
                   '%1$s is a partition: ALTER TABLE %2$s DETACH PARTITION %1$s CONCURRENTLY in a '
                   'migration before this, and ATTACH PARTITION in one after it, with a CHECK of its '
                   'bounds that saves the scan; %2$s is without its rows meanwhile', q,
                   (SELECT h.inhparent::regclass FROM pg_inherits h WHERE h.inhrelid = t.oid))
                 WHEN t.reloftype <> 0 THEN format('%s is a table of a type', q)
                 WHEN t.nspname = 'pgkeep' OR t.nspname LIKE 'pg\_%' OR t.nspname = 'information_schema'
                   THEN format('%s belongs to the system', q) END FROM t
   UNION ALL
  SELECT 2, format('%s inherits from, or to, %s: ALTER TABLE .. NO INHERIT first, and INHERIT after', q,
            (SELECT string_agg((CASE WHEN inhparent = t.oid THEN inhrelid ELSE inhparent END)
                               ::regclass::text, ', ')
               FROM pg_inherits WHERE t.oid IN (inhparent, inhrelid)))
    FROM t WHERE NOT t.relispartition AND t.relkind = 'r'
     AND EXISTS (SELECT FROM pg_inherits WHERE t.oid IN (inhparent, inhrelid))
   UNION ALL
  SELECT 3, format('the publication %I is FOR ALL TABLES: it would send the shadow table''s rows '
                   'to subscribers', pubname) FROM pg_publication WHERE puballtables
   UNION ALL
  SELECT 4, format('%s, a partitioned table, has a foreign key to %s (%I)', c.conrelid::regclass,
                   q, c.conname)
    FROM t JOIN pg_constraint c ON c.confrelid = t.oid AND c.contype = 'f' AND c.conparentid = 0
    JOIN pg_class k ON k.oid = c.conrelid WHERE k.relkind = 'p'
   UNION ALL
  SELECT 5, format('%s refers to %s, a partitioned table (%I)', q, c.confrelid::regclass, c.conname)
    FROM t JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype = 'f' AND c.conparentid = 0
    JOIN pg_class k ON k.oid = c.confrelid WHERE k.relkind = 'p'
   UNION ALL
  SELECT 6, format('the NOT NULL constraint %I is not valid yet', c.conname)
    FROM t JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype = 'n' AND NOT c.convalidated
) x(place, line) WHERE x.line IS NOT NULL ORDER BY x.place, x.line)";

const std::string_view kShadowColumnRefusals = R"(
SELECT DISTINCT format('%s depends on the column %I, which the statement %s',
                       pg_describe_object(d.classid, d.objid, d.objsubid), a.attname,
                       CASE WHEN s.attnum IS NULL THEN 'drops' ELSE 'gives another type' END)
  FROM pg_attribute a
  LEFT JOIN pg_attribute s ON s.attrelid = to_regclass($2::text) AND s.attname = a.attname
       AND NOT s.attisdropped
  JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid
       AND d.refobjsubid = a.attnum
 WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
   AND CASE WHEN s.attnum IS NULL THEN
              d.classid IN ('pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_trigger'::regclass,
                            'pg_proc'::regclass, 'pg_publication_rel'::regclass)
              OR EXISTS (SELECT FROM pg_constraint c WHERE d.classid = 'pg_constraint'::regclass
                          AND c.oid = d.objid AND c.contype = 'f' AND c.conrelid <> $1::oid)
            ELSE (s.atttypid, s.atttypmod, s.attcollation)
                   IS DISTINCT FROM (a.atttypid, a.atttypmod, a.attcollation)
                 AND (d.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass)
                      OR EXISTS (SELECT FROM pg_policy p
                                  WHERE d.classid = 'pg_policy'::regclass AND p.oid = d.objid
                                    AND p.polrelid <> $1::oid)) END
 ORDER BY 1)";

const std::string_view kShadowCreate = R"(
WITH t AS (
  SELECT c.*, format('%I.%I', n.nspname, c.relname) AS q
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid
), options AS (
  SELECT o AS text FROM t, unnest(t.reloptions) o
   UNION ALL
  SELECT 'toast.' || o FROM t JOIN pg_class k ON k.oid = t.reltoastrelid, unnest(k.reloptions) o
), lines(place, line) AS (
  SELECT 1, format('CREATE %sTABLE %s (LIKE %s INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING '
                   'GENERATED INCLUDING IDENTITY INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING '
                   'COMMENTS) %s%s%s', CASE t.relpersistence WHEN 'u' THEN 'UNLOGGED ' END, $2::text,
                   t.q, coalesce($3::text, (SELECT format('USING %I', amname) FROM pg_am
                                             WHERE oid = t.relam)),
                   (SELECT ' WITH (' || string_agg(format('%s=%L', split_part(text, '=', 1),
                             substr(text, strpos(text, '=') + 1)), ', ') || ')' FROM options
                     WHERE $3 IS NULL),
                   -- A partitioned table may not name the database's own.
                   (SELECT format(' TABLESPACE %I', spcname) FROM pg_tablespace
                     WHERE oid = CASE WHEN t.reltablespace = 0 AND $3 IS NULL
                                      THEN (SELECT dattablespace FROM pg_database
                                             WHERE datname = current_database())
                                      ELSE t.reltablespace END)) FROM t
   UNION ALL
  -- LIKE makes a check valid: rows that do not pass would stop the copy. The swap adds it.
  SELECT 2, format('ALTER TABLE %s DROP CONSTRAINT %I', $2::text, c.conname)
    FROM t JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype = 'c' AND NOT c.convalidated
   UNION ALL
  SELECT 3, format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', $2::text, a.attname,
                   a.attstattarget)
    FROM t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
     AND a.attstattarget >= 0
   UNION ALL
  -- Those that begin with pg_ are the server's own.
  SELECT 4, format('ALTER TABLE %s ALTER COLUMN %I SET (%s)', $2::text, a.attname, o.options)
    FROM t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
   CROSS JOIN LATERAL (SELECT string_agg(each, ', ') FROM unnest(a.attoptions) each
                        WHERE NOT starts_with(each, 'pg_')) AS o(options)
   WHERE o.options IS NOT NULL
)
SELECT line FROM lines WHERE line IS NOT NULL ORDER BY place, line)";

// A definition names the index and the table at its front: new names take their place. Exclusion
// constraints and those over periods cannot be made of an index.
const std::string_view kShadowIndexes = R"(
WITH i AS (
  SELECT x.indexrelid, x.indisvalid, x.indisprimary, x.indisunique, ic.relname, c.oid AS constraint_oid,
         c.contype, c.condeferrable, c.condeferred, 'shadow_' || x.indrelid || '_' || x.indexrelid AS name,
         pg_get_indexdef(x.indexrelid) AS definition,
         format('CREATE %sINDEX %I ON %I.%I ', CASE WHEN x.indisunique THEN 'UNIQUE ' END,
                ic.relname, n.nspname, t.relname) AS front,
         coalesce(s.spcname, '') AS space,
         coalesce(c.contype = 'x' OR to_jsonb(c)->>'conperiod' = 'true' OR $3::boolean, false)
           AND c.oid IS NOT NULL AS is_whole
    FROM pg_index x
    JOIN pg_class ic ON ic.oid = x.indexrelid
    JOIN pg_class t ON t.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = t.relnamespace
    LEFT JOIN pg_constraint c ON c.conindid = x.indexrelid AND c.conrelid = x.indrelid
         AND c.contype IN ('p', 'u', 'x')
    LEFT JOIN pg_tablespace s ON s.oid = ic.reltablespace
   WHERE x.indrelid = $1::oid
     AND NOT EXISTS (
       SELECT FROM pg_depend d JOIN pg_attribute a ON a.attrelid = $1::oid AND a.attnum = d.refobjsubid
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid
          AND (d.classid = 'pg_class'::regclass AND d.objid = x.indexrelid
               OR d.classid = 'pg_constraint'::regclass AND d.objid = c.oid)
          AND to_regclass($2::text) IS NOT NULL
          AND NOT EXISTS (SELECT FROM pg_attribute s WHERE s.attrelid = to_regclass($2::text)
                           AND s.attname = a.attname AND NOT s.attisdropped))
)
SELECT name,
       CASE WHEN is_whole OR NOT starts_with(definition, front) THEN ''
            ELSE format('CREATE %sINDEX IF NOT EXISTS %I ON %s ', CASE WHEN indisunique THEN 'UNIQUE ' END,
                        name, $2::text) || substr(definition, length(front) + 1) END,
       space,
       CASE WHEN constraint_oid IS NULL THEN ''
            WHEN is_whole THEN format('ALTER TABLE %s ADD CONSTRAINT %I %s', $2::text, name,
                                      pg_get_constraintdef(constraint_oid))
            ELSE format('ALTER TABLE %s ADD CONSTRAINT %I %s USING INDEX %I%s%s', $2::text, name,
                        CASE contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, name,
                        CASE WHEN condeferrable THEN ' DEFERRABLE' END,
                        CASE WHEN condeferred THEN ' INITIALLY DEFERRED' END) END,
       indexrelid, indisvalid
  FROM i ORDER BY indisprimary DESC, indisunique DESC, indexrelid)";

const std::string_view kShadowStatistics = R"(
SELECT format('shadow_%s_%s', $1::oid, s.oid),
       format('CREATE STATISTICS IF NOT EXISTS pgkeep.shadow_%s_%s%s ON %s FROM %s', $1::oid, s.oid,
              (SELECT ' (' || string_agg(CASE k WHEN 'd' THEN 'ndistinct' WHEN 'f' THEN 'dependencies'
                                               WHEN 'm' THEN 'mcv' END, ', ') || ')'
                 FROM unnest(s.stxkind) k WHERE k <> 'e'),
              pg_get_statisticsobjdef_columns(s.oid), $2::text)
  FROM pg_statistic_ext s
 WHERE s.stxrelid = $1::oid
   AND NOT EXISTS (
     SELECT FROM pg_depend d JOIN pg_attribute a ON a.attrelid = $1::oid AND a.attnum = d.refobjsubid
      WHERE d.classid = 'pg_statistic_ext'::regclass AND d.objid = s.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid
        AND to_regclass($2::text) IS NOT NULL
        AND NOT EXISTS (SELECT FROM pg_attribute n WHERE n.attrelid = to_regclass($2::text)
                         AND n.attname = a.attname AND NOT n.attisdropped))
 ORDER BY 1)";

} // namespace pgkeep::migrate
