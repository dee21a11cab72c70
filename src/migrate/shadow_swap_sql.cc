// The swap as statements. The definitions are read while the table has its name and run when the
// new one has it: they need no change. Order: what ties others to the old table is cut, the names
// move, then the new table gets it all back.
#include "migrate/shadow_sql.h"

#include "base/text.h"

namespace pgkeep::migrate {
namespace {

// Columns that the new table lacks are "gone": what hangs on them alone is not carried over, as
// DROP COLUMN has it. pgkeep_* names of triggers are ours.
constexpr std::string_view kSwap = R"(
WITH t AS (
  SELECT c.oid, c.relname AS name, n.nspname AS schema, c.relacl, c.relowner, c.reltype,
         c.relrowsecurity, c.relforcerowsecurity, c.relreplident,
         to_regclass($2::text)::oid AS shadow, 'shadow_' || c.oid AS shadow_name,
         (SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass($2::text)) AS is_parted,
         format('old_%s_%s', left(c.relname, 40), c.oid) AS old_name,
         format('%I.%I', n.nspname, c.relname) AS q
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::oid
), parts AS (
  SELECT p.oid, p.relname, p.relowner, p.relacl, format('pgkeep.%I', p.relname) AS now,
         coalesce(nullif(w.schema, ''), t.schema) AS schema,
         format('%I.%I', coalesce(nullif(w.schema, ''), t.schema), p.relname) AS q
    FROM t JOIN pg_inherits h ON h.inhparent = t.shadow JOIN pg_class p ON p.oid = h.inhrelid
    LEFT JOIN unnest($3::text[], $4::text[]) w(name, schema) ON w.name = p.relname
), gone AS (
  SELECT a.attnum FROM pg_attribute a, t
   WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
     AND NOT EXISTS (SELECT FROM pg_attribute s WHERE s.attrelid = t.shadow
                      AND s.attname = a.attname AND NOT s.attisdropped)
), lost AS (
  SELECT d.classid, d.objid FROM pg_depend d, t
   WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid
     AND d.refobjsubid IN (SELECT attnum FROM gone)
), keys AS (
  SELECT c.*, conrelid::regclass::text AS child FROM pg_constraint c, t
   WHERE c.contype = 'f' AND (c.conrelid = t.oid OR c.confrelid = t.oid)
     AND c.conparentid = 0
     AND NOT EXISTS (SELECT FROM lost WHERE classid = 'pg_constraint'::regclass AND objid = c.oid)
), indexes AS (
  SELECT i.indexrelid AS oid, ic.relname AS name, i.indisclustered, i.indisreplident
    FROM pg_index i JOIN pg_class ic ON ic.oid = i.indexrelid, t
   WHERE i.indrelid = t.oid AND i.indisvalid
     AND NOT EXISTS (SELECT FROM lost WHERE classid = 'pg_class'::regclass
                      AND objid = i.indexrelid)
     AND NOT EXISTS (SELECT FROM pg_constraint c JOIN lost ON lost.objid = c.oid
                      AND lost.classid = 'pg_constraint'::regclass
                      WHERE c.conindid = i.indexrelid AND c.conrelid = t.oid)
), stats AS (
  SELECT s.*, n.nspname FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace, t
   WHERE s.stxrelid = t.oid
), sequences AS (
  SELECT d.objid AS oid, d.deptype, a.attname, c.relname AS name, n.nspname AS schema, c.relacl,
         format('%I.%I', n.nspname, c.relname) AS q, c.relowner
    FROM t JOIN pg_depend d ON d.refobjid = t.oid AND d.refclassid = 'pg_class'::regclass
     AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
    JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
), identities AS (
  SELECT o.*, sc.relname AS new_name, format_type(a.atttypid, NULL) AS new_type,
         format('AS %s INCREMENT %s MINVALUE %s MAXVALUE %s START %s CACHE %s%s CYCLE',
                format_type(q.seqtypid, NULL), q.seqincrement, q.seqmin, q.seqmax, q.seqstart,
                q.seqcache, CASE WHEN q.seqcycle THEN '' ELSE ' NO' END) AS options
    FROM sequences o JOIN t ON true
    JOIN pg_attribute a ON a.attrelid = t.shadow AND a.attname = o.attname AND a.attidentity <> ''
    JOIN pg_depend d ON d.refobjid = t.shadow AND d.refobjsubid = a.attnum AND d.deptype = 'i'
     AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
    JOIN pg_class sc ON sc.oid = d.objid AND sc.relkind = 'S'
    JOIN pg_sequence q ON q.seqrelid = o.oid
   WHERE o.deptype = 'i'
), triggers AS (
  SELECT g.* FROM pg_trigger g, t
   WHERE g.tgrelid = t.oid AND NOT g.tgisinternal AND g.tgname NOT LIKE 'pgkeep\_shadow\_%'
), rules AS (
  SELECT r.oid, r.rulename, r.ev_enabled FROM pg_rewrite r, t WHERE r.ev_class = t.oid
), policies AS (
  SELECT p.* FROM pg_policy p, t WHERE p.polrelid = t.oid
), acl AS (
  SELECT 'TABLE ' || t.q AS object, t.relowner AS owner, NULL::text AS col, x.*
    FROM t, aclexplode(t.relacl) x
   UNION ALL
  SELECT 'TABLE ' || t.q, t.relowner, quote_ident(a.attname), x.*
    FROM t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
     AND a.attnum NOT IN (SELECT attnum FROM gone), aclexplode(a.attacl) x
   UNION ALL
  SELECT 'SEQUENCE ' || s.q, s.relowner, NULL, x.* FROM identities s, aclexplode(s.relacl) x
), lines(place, line) AS (
  -- Nobody has seen the partitions: they can move before the table is locked. Rights are on the
  -- table: what default privileges gave would go around its policies.
  SELECT 1, format('ALTER TABLE %s SET SCHEMA %I', now, schema) FROM parts
   UNION ALL
  SELECT 2, format('REVOKE ALL ON TABLE %s FROM %s', p.q, CASE WHEN x.grantee = 0 THEN 'PUBLIC'
                   ELSE quote_ident(pg_get_userbyid(x.grantee)) END)
    FROM parts p, aclexplode(p.relacl) x
   WHERE x.grantee <> p.relowner GROUP BY p.q, x.grantee
   UNION ALL
  SELECT 3, format('ALTER TABLE %s OWNER TO %I', p.q, pg_get_userbyid(t.relowner)) FROM parts p, t
   UNION ALL
  SELECT 4, format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', p.q, c.relname)
    FROM t JOIN indexes i ON i.indisreplident AND t.relreplident = 'i'
    JOIN pg_inherits h
      ON h.inhparent = to_regclass(format('pgkeep.%I', t.shadow_name || '_' || i.oid))
    JOIN pg_class c ON c.oid = h.inhrelid
    JOIN pg_index x ON x.indexrelid = c.oid JOIN parts p ON p.oid = x.indrelid
   UNION ALL
  SELECT 10, format('ALTER TABLE %s DROP CONSTRAINT %I', child, conname) FROM keys
   UNION ALL
  -- One that is lost with its column still ties others to the old table.
  SELECT 10, format('ALTER TABLE %s DROP CONSTRAINT %I', c.conrelid::regclass, c.conname)
    FROM pg_constraint c, t WHERE c.contype = 'f' AND c.conparentid = 0
     AND (c.conrelid = t.oid OR c.confrelid = t.oid) AND c.oid NOT IN (SELECT oid FROM keys)
   UNION ALL
  SELECT 12, format('DROP TRIGGER %I ON %s', g.tgname, t.q) FROM pg_trigger g, t
   WHERE g.tgrelid = t.oid AND g.tgname LIKE 'pgkeep\_shadow\_%'
   UNION ALL
  SELECT 14, format('ALTER PUBLICATION %I DROP TABLE %s', p.pubname, t.q)
    FROM t JOIN pg_publication_rel r ON r.prrelid = t.oid JOIN pg_publication p ON p.oid = r.prpubid
   UNION ALL
  SELECT 16, format('DROP STATISTICS %I.%I', nspname, stxname) FROM stats
   UNION ALL
  SELECT 18, format('ALTER INDEX %I.%I RENAME TO %I', t.schema, ic.relname, 'old_' || ic.oid)
    FROM t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class ic ON ic.oid = i.indexrelid
   UNION ALL
  SELECT 18, format('ALTER SEQUENCE %s RENAME TO %I', q, 'old_' || oid)
    FROM sequences WHERE deptype = 'i'
   UNION ALL
  SELECT 18, format('ALTER SEQUENCE %s OWNED BY NONE', q) FROM sequences WHERE deptype = 'a'
   UNION ALL
  SELECT 20, format('ALTER TABLE %s RENAME TO %I', q, old_name) FROM t
   UNION ALL
  SELECT 21, format('ALTER TABLE %I.%I SET SCHEMA pgkeep', schema, old_name) FROM t
   UNION ALL
  -- Its default would keep the sequence from being dropped with the new table.
  SELECT 22, format('ALTER TABLE pgkeep.%I ALTER COLUMN %I DROP DEFAULT', t.old_name, s.attname)
    FROM t, sequences s WHERE s.deptype = 'a'
   UNION ALL
  SELECT 24, format('ALTER TABLE %s SET SCHEMA %I', $2::text, schema) FROM t
   UNION ALL
  SELECT 25, format('ALTER TABLE %I.%I RENAME TO %I', schema, shadow_name, name) FROM t
   UNION ALL
  SELECT 26, format('ALTER TABLE %s OWNER TO %I', q, pg_get_userbyid(relowner)) FROM t
   UNION ALL
  SELECT 28, format('ALTER SEQUENCE %I.%I RENAME TO %I', t.schema, i.new_name, i.name)
    FROM t, identities i
   UNION ALL
  -- LIKE makes each a bigint; a new type of the column widens the limits as ALTER TABLE does.
  SELECT 29, format('ALTER SEQUENCE %s %s', i.q, i.options) FROM identities i
   UNION ALL
  SELECT 30, format('ALTER SEQUENCE %s AS %s', i.q, i.new_type) FROM identities i
   UNION ALL
  SELECT 31, format('SELECT setval(%L, last_value, is_called) FROM pgkeep.%I', i.q, 'old_' || i.oid)
    FROM identities i
   UNION ALL
  SELECT 30, format('ALTER INDEX %I.%I RENAME TO %I', t.schema, t.shadow_name || '_' || i.oid,
                    i.name) FROM t, indexes i
   UNION ALL
  SELECT 31, format('ALTER STATISTICS pgkeep.%I RENAME TO %I', t.shadow_name || '_' || s.oid,
                    s.stxname) FROM t, stats s
   WHERE NOT EXISTS (SELECT FROM lost WHERE classid = 'pg_statistic_ext'::regclass AND objid = s.oid)
   UNION ALL
  SELECT 32, format('ALTER STATISTICS pgkeep.%I SET SCHEMA %I', s.stxname, s.nspname) FROM stats s
   WHERE NOT EXISTS (SELECT FROM lost WHERE classid = 'pg_statistic_ext'::regclass AND objid = s.oid)
   UNION ALL
  SELECT 33, format('ALTER STATISTICS %I.%I SET STATISTICS %s', s.nspname, s.stxname,
                    s.stxstattarget) FROM stats s
   WHERE s.stxstattarget >= 0
     AND NOT EXISTS (SELECT FROM lost WHERE classid = 'pg_statistic_ext'::regclass AND objid = s.oid)
   UNION ALL
  SELECT 34, format('ALTER STATISTICS %I.%I OWNER TO %I', s.nspname, s.stxname,
                    pg_get_userbyid(s.stxowner)) FROM stats s
   WHERE NOT EXISTS (SELECT FROM lost WHERE classid = 'pg_statistic_ext'::regclass AND objid = s.oid)
   UNION ALL
  SELECT 34, format('ALTER SEQUENCE %s OWNED BY %s.%I', s.q, t.q, s.attname) FROM t, sequences s
   WHERE s.deptype = 'a' AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.shadow
                                      AND a.attname = s.attname AND NOT a.attisdropped)
   UNION ALL
  SELECT 40, format('ALTER TABLE %s ADD CONSTRAINT %I %s', t.q, c.conname,
                    pg_get_constraintdef(c.oid))
    FROM t JOIN pg_constraint c ON c.conrelid = t.oid AND c.contype = 'c' AND NOT c.convalidated
   WHERE NOT EXISTS (SELECT FROM lost WHERE classid = 'pg_constraint'::regclass AND objid = c.oid)
   UNION ALL
  SELECT 42, format('ALTER TABLE %s ADD CONSTRAINT %I %s%s', child, conname,
                    pg_get_constraintdef(oid),
                    CASE WHEN pg_get_constraintdef(oid) ~ '(NOT VALID|NOT ENFORCED)$' THEN ''
                         ELSE ' NOT VALID' END) FROM keys
   WHERE NOT (SELECT is_parted FROM t) OR conrelid <> $1::oid
   UNION ALL
  -- A partitioned table takes none that is NOT VALID; each of its partitions does.
  SELECT 43, format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', p.q, k.conname,
                    pg_get_constraintdef(k.oid))
    FROM keys k, parts p WHERE k.conrelid = $1::oid
   UNION ALL
  SELECT 44, pg_get_triggerdef(oid) FROM triggers
   UNION ALL
  SELECT 45, format('ALTER TABLE %s %s TRIGGER %I', t.q,
                    CASE g.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA'
                                     ELSE 'ENABLE ALWAYS' END, g.tgname)
    FROM t, triggers g WHERE g.tgenabled <> 'O'
   UNION ALL
  SELECT 46, format('CREATE POLICY %I ON %s AS %s FOR %s TO %s%s%s', p.polname, t.q,
                    CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT'
                         WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                    (SELECT string_agg(CASE WHEN r = 0 THEN 'PUBLIC'
                                            ELSE quote_ident(pg_get_userbyid(r)) END, ', ')
                       FROM unnest(p.polroles) r),
                    ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
                    ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
    FROM t, policies p
   UNION ALL
  SELECT 47, format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', q) FROM t WHERE relrowsecurity
   UNION ALL
  SELECT 47, format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', q) FROM t WHERE relforcerowsecurity
   UNION ALL
  SELECT 48, pg_get_ruledef(r.oid) FROM rules r
   UNION ALL
  SELECT 49, format('ALTER TABLE %s %s RULE %I', t.q,
                    CASE r.ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA'
                                      ELSE 'ENABLE ALWAYS' END, r.rulename)
    FROM t, rules r WHERE r.ev_enabled <> 'O'
   UNION ALL
  -- What default privileges gave the new table, and what its owner has no more.
  SELECT 50, format('REVOKE ALL ON TABLE %s FROM %s', t.q, CASE WHEN x.grantee = 0 THEN 'PUBLIC'
                    ELSE quote_ident(pg_get_userbyid(x.grantee)) END)
    FROM t JOIN pg_class s ON s.oid = t.shadow, aclexplode(s.relacl) x
   WHERE x.grantee <> s.relowner GROUP BY t.q, x.grantee
   UNION ALL
  SELECT 51, format('REVOKE ALL ON TABLE %s FROM %I', q, pg_get_userbyid(relowner)) FROM t
   WHERE relacl IS NOT NULL
   UNION ALL
  SELECT 52, format('GRANT %s ON %s TO %s%s',
                    string_agg(privilege_type || coalesce(' (' || col || ')', ''), ', '
                               ORDER BY privilege_type, col), object,
                    CASE WHEN grantee = 0 THEN 'PUBLIC'
                         ELSE quote_ident(pg_get_userbyid(grantee)) END,
                    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM acl GROUP BY object, grantee, is_grantable
   UNION ALL
  SELECT 54, format('ALTER TABLE %s REPLICA IDENTITY %s', t.q,
                    CASE t.relreplident WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
                    ELSE (SELECT 'USING INDEX ' || quote_ident(i.name) FROM indexes i
                           WHERE i.indisreplident) END)
    FROM t WHERE t.relreplident IN ('f', 'n')
      OR t.relreplident = 'i' AND EXISTS (SELECT FROM indexes WHERE indisreplident)
   UNION ALL
  SELECT 55, format('ALTER TABLE %s CLUSTER ON %I', t.q, i.name) FROM t, indexes i
   WHERE i.indisclustered AND NOT t.is_parted
   UNION ALL
  SELECT 56, format('ALTER PUBLICATION %I ADD TABLE %s%s%s', p.pubname, t.q,
                    (SELECT ' (' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
                            || ')'
                       FROM pg_attribute a
                      WHERE a.attrelid = t.oid AND a.attnum = ANY (@columns@::int2[])),
                    ' WHERE (' || @filter@ || ')')
    FROM t JOIN pg_publication_rel r ON r.prrelid = t.oid JOIN pg_publication p ON p.oid = r.prpubid
   UNION ALL
  SELECT 60, format('COMMENT ON %s IS %L', x.object, d.description)
    FROM (SELECT 'pg_class'::regclass AS class, t.oid, 'TABLE ' || t.q AS object FROM t
           UNION ALL
          SELECT 'pg_class'::regclass, i.oid, format('INDEX %I.%I', t.schema, i.name)
            FROM t, indexes i
           UNION ALL
          SELECT 'pg_class'::regclass, s.oid, 'SEQUENCE ' || s.q FROM identities s
           UNION ALL
          SELECT 'pg_constraint'::regclass, c.oid,
                 format('CONSTRAINT %I ON %s', c.conname, c.conrelid::regclass)
            FROM pg_constraint c, t
           WHERE (c.conrelid = t.oid OR c.confrelid = t.oid) AND c.conparentid = 0
             AND NOT (t.is_parted AND c.contype = 'f' AND c.conrelid = t.oid)
             AND NOT EXISTS (SELECT FROM lost WHERE classid = 'pg_constraint'::regclass
                              AND objid = c.oid)
           UNION ALL
          SELECT 'pg_trigger'::regclass, g.oid, format('TRIGGER %I ON %s', g.tgname, t.q)
            FROM t, triggers g
           UNION ALL
          SELECT 'pg_rewrite'::regclass, r.oid, format('RULE %I ON %s', r.rulename, t.q)
            FROM t, rules r
           UNION ALL
          SELECT 'pg_policy'::regclass, p.oid, format('POLICY %I ON %s', p.polname, t.q)
            FROM t, policies p
           UNION ALL
          SELECT 'pg_statistic_ext'::regclass, s.oid, format('STATISTICS %I.%I', s.nspname, s.stxname)
            FROM stats s
           WHERE NOT EXISTS (SELECT FROM lost WHERE classid = 'pg_statistic_ext'::regclass
                              AND objid = s.oid)) x
    JOIN pg_description d ON d.classoid = x.class AND d.objoid = x.oid AND d.objsubid = 0
   UNION ALL
  SELECT 80, format('DROP TABLE pgkeep.shadow_log_%s', oid) FROM t
   UNION ALL
  SELECT 81, format('DROP FUNCTION pgkeep.shadow_log_%s()', oid) FROM t
)
SELECT line, place FROM lines WHERE line IS NOT NULL ORDER BY place, line)";

} // namespace

std::string shadow_swap_sql(int major) {
  // Lists of columns and filters of publications came with 15.
  const bool has_filters = major >= 15;
  std::string sql =
      base::replace_all(std::string(kSwap), "@columns@", has_filters ? "r.prattrs" : "NULL");
  return base::replace_all(std::move(sql), "@filter@",
                           has_filters ? "pg_get_expr(r.prqual, t.oid)" : "NULL::text");
}

const std::string_view kShadowValidate = R"(
SELECT format('ALTER TABLE %s VALIDATE CONSTRAINT %I',
              CASE WHEN p.relname IS NULL THEN c.conrelid::regclass::text
                   ELSE format('%I.%I', coalesce(nullif(w.schema, ''), n.nspname), p.relname) END,
              c.conname)
  FROM pg_constraint c
  JOIN pg_class t ON t.oid = $1::oid JOIN pg_namespace n ON n.oid = t.relnamespace
  LEFT JOIN pg_inherits h ON h.inhparent = to_regclass($2::text) AND c.conrelid = t.oid
  LEFT JOIN pg_class p ON p.oid = h.inhrelid
  LEFT JOIN unnest($3::text[], $4::text[]) w(name, schema) ON w.name = p.relname
 WHERE c.contype = 'f' AND (c.conrelid = $1::oid OR c.confrelid = $1::oid) AND c.conparentid = 0
   AND c.convalidated
   AND NOT EXISTS (
     SELECT FROM pg_depend d JOIN pg_attribute a ON a.attrelid = $1::oid AND a.attnum = d.refobjsubid
      WHERE d.classid = 'pg_constraint'::regclass AND d.objid = c.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid = $1::oid
        AND NOT EXISTS (SELECT FROM pg_attribute s WHERE s.attrelid = to_regclass($2::text)
                         AND s.attname = a.attname AND NOT s.attisdropped))
 ORDER BY 1)";

// Where each partition has the constraint, valid, the table's own takes them over unread.
const std::string_view kShadowAttach = R"(
SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s%s', c.conrelid::regclass, c.conname,
              pg_get_constraintdef(c.oid),
              CASE WHEN d.description IS NOT NULL
                   THEN format('; COMMENT ON CONSTRAINT %I ON %s IS %L', c.conname,
                               c.conrelid::regclass, d.description) END)
  FROM pg_constraint c
  JOIN pg_class s ON s.oid = to_regclass($2::text) AND s.relkind = 'p'
  LEFT JOIN pg_description d ON d.classoid = 'pg_constraint'::regclass AND d.objoid = c.oid
   AND d.objsubid = 0
 WHERE c.contype = 'f' AND c.conrelid = $1::oid
 ORDER BY 1)";

const std::string_view kShadowAttachLocked = R"(
SELECT n.nspname, c.relname
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid IN (
   SELECT k.confrelid
     FROM pg_constraint k JOIN pg_inherits h ON h.inhrelid = k.conrelid
     JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace s ON s.oid = p.relnamespace
    WHERE k.contype = 'f' AND s.nspname = $1 AND p.relname = $2)
 ORDER BY 1, 2)";

} // namespace pgkeep::migrate
