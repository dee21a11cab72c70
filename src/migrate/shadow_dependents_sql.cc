// What reads the table and must read the new one: views, rules and policies of other tables and
// SQL-body functions are said anew with the text that they have, and stay the same objects;
// materialized views cannot be, so that a copy of each takes its place.
#include "migrate/shadow_sql.h"

#include <string>

#include "base/text.h"

namespace pgkeep::migrate {
namespace {

// "moved" are the table and the materialized views that read it, or one of them. One that reads a
// view stays: the view does. A copy's indexes and statistics are named as those of a shadow table.
constexpr std::string_view kMoved = R"(
WITH RECURSIVE reached(oid, depth) AS (
  SELECT $1::oid, 0
   UNION
  SELECT v.oid, m.depth + 1
    FROM reached m
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = m.oid
     AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_rewrite r ON r.oid = d.objid
    JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'm' AND v.oid <> m.oid
), moved AS (
  SELECT c.*, n.nspname, x.depth, format('%I.%I', n.nspname, c.relname) AS q,
         format('shadow_%s_mv_%s', $1::oid, c.oid) AS copy
    FROM (SELECT oid, max(depth) AS depth FROM reached GROUP BY oid) x
    JOIN pg_class c ON c.oid = x.oid JOIN pg_namespace n ON n.oid = c.relnamespace
), matviews AS (
  SELECT * FROM moved WHERE depth > 0
), readers AS (
  -- Of one class each: rules (those of views too), policies, functions.
  SELECT DISTINCT d.classid, d.objid FROM moved m
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = m.oid
   WHERE d.classid IN ('pg_rewrite'::regclass, 'pg_policy'::regclass, 'pg_proc'::regclass)
))";

std::string with_moved(std::string_view sql) {
  return base::replace_all(std::string(sql), "@moved@", kMoved);
}

constexpr std::string_view kRefusals = R"(@moved@
SELECT x.line FROM (
  SELECT 1, format('%s depends on %s', pg_describe_object(d.classid, d.objid, d.objsubid), m.q)
    FROM moved m JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = m.oid
   WHERE CASE d.classid
         WHEN 'pg_rewrite'::regclass THEN false
         WHEN 'pg_policy'::regclass THEN false
         -- Before 15 a generated column depends on others by itself.
         WHEN 'pg_class'::regclass THEN d.objid <> m.oid AND NOT EXISTS (
           SELECT FROM pg_class k WHERE k.oid = d.objid AND k.relkind IN ('i', 't', 'S'))
           AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = d.objid)
         WHEN 'pg_trigger'::regclass THEN NOT EXISTS (
           SELECT FROM pg_trigger g WHERE g.oid = d.objid AND g.tgrelid = m.oid)
         WHEN 'pg_proc'::regclass THEN false
         WHEN 'pg_constraint'::regclass THEN false
         WHEN 'pg_attrdef'::regclass THEN false
         WHEN 'pg_type'::regclass THEN d.objid <> m.reltype
         WHEN 'pg_statistic_ext'::regclass THEN false
         WHEN 'pg_publication_rel'::regclass THEN false
         ELSE true END
   UNION ALL
  SELECT 2, format('%s depends on the row type of %s', pg_describe_object(d.classid, d.objid,
                   d.objsubid), m.q)
    FROM moved m JOIN pg_type y ON y.oid = m.reltype
    JOIN pg_depend d ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (y.oid, y.typarray)
   WHERE NOT (d.classid = 'pg_type'::regclass AND d.objid = y.typarray)
     AND NOT (d.classid = 'pg_class'::regclass AND d.objid = m.oid)
   UNION ALL
  SELECT 3, format('%s is part of an extension', m.q)
    FROM moved m JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = m.oid
     AND d.deptype = 'e'
   UNION ALL
  -- Its query would run with the rights of who migrates, not with those of who wrote it.
  SELECT 4, format('the materialized view %s belongs to %I, and neither to who migrates nor to the '
                   'owner of the table', m.q, o.rolname)
    FROM matviews m JOIN pg_roles o ON o.oid = m.relowner
   WHERE o.rolname <> session_user AND NOT o.rolsuper
     AND m.relowner <> (SELECT relowner FROM moved WHERE depth = 0)
   UNION ALL
  SELECT 5, format('row security of %s hides rows from the materialized view %s, whose owner is %I',
                   r.oid::regclass, m.q, o.rolname)
    FROM matviews m JOIN pg_roles o ON o.oid = m.relowner
    JOIN pg_rewrite w ON w.ev_class = m.oid
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
     AND d.refclassid = 'pg_class'::regclass
    JOIN pg_class r ON r.oid = d.refobjid AND r.relrowsecurity
   WHERE NOT o.rolsuper AND NOT o.rolbypassrls
     AND (r.relforcerowsecurity OR NOT pg_has_role(m.relowner, r.relowner, 'USAGE'))
   GROUP BY r.oid, m.q, o.rolname
   UNION ALL
  SELECT 6, format('the materialized view %s has rows, and %s, which it reads, has none yet: REFRESH '
                   'that one first', m.q, u.q)
    FROM matviews m JOIN pg_rewrite w ON w.ev_class = m.oid
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
     AND d.refclassid = 'pg_class'::regclass
    JOIN matviews u ON u.oid = d.refobjid AND u.oid <> m.oid
   WHERE m.relispopulated AND NOT u.relispopulated
   GROUP BY m.q, u.q
   UNION ALL
  SELECT 7, format('%s belongs to %I, and %I may not act as that role', o.what, r.rolname,
                   session_user)
    FROM (
      SELECT c.oid::regclass::text AS what, c.relowner AS owner FROM pg_class c
       WHERE c.oid IN (SELECT oid FROM moved
                        UNION ALL
                       SELECT w.ev_class FROM readers x JOIN pg_rewrite w ON w.oid = x.objid
                        WHERE x.classid = 'pg_rewrite'::regclass
                        UNION ALL
                       SELECT p.polrelid FROM readers x JOIN pg_policy p ON p.oid = x.objid
                        WHERE x.classid = 'pg_policy'::regclass
                        UNION ALL
                       SELECT conrelid FROM pg_constraint WHERE contype = 'f' AND confrelid = $1::oid)
       UNION ALL
      SELECT f.oid::regprocedure::text, f.proowner
        FROM readers x JOIN pg_proc f ON f.oid = x.objid WHERE x.classid = 'pg_proc'::regclass
       UNION ALL
      SELECT format('the publication %I', p.pubname), p.pubowner
        FROM pg_publication_rel e JOIN pg_publication p ON p.oid = e.prpubid
       WHERE e.prrelid = $1::oid
       UNION ALL
      SELECT format('the statistics object %I', s.stxname), s.stxowner
        FROM pg_statistic_ext s WHERE s.stxrelid IN (SELECT oid FROM moved)) o
    JOIN pg_roles r ON r.oid = o.owner
   WHERE NOT pg_has_role(session_user, o.owner, 'USAGE')
   UNION ALL
  SELECT 8, format('%I may not CREATE in the schema %I', session_user, m.nspname)
    FROM moved m WHERE NOT has_schema_privilege(session_user, m.nspname, 'CREATE')
   UNION ALL
  SELECT 8, format('%I has no REFERENCES on %s, which a foreign key of the table names', session_user,
                   c.confrelid::regclass)
    FROM pg_constraint c WHERE c.contype = 'f' AND c.conrelid = $1::oid
     AND NOT has_any_column_privilege(session_user, c.confrelid, 'REFERENCES')
   UNION ALL
  SELECT 9, format('row security of %s is FORCEd, and %I does not bypass it', m.q, session_user)
    FROM moved m JOIN pg_roles r ON r.rolname = session_user
   WHERE m.relrowsecurity AND m.relforcerowsecurity AND NOT r.rolsuper AND NOT r.rolbypassrls
) x(place, line) ORDER BY x.place, x.line)";

constexpr std::string_view kMatviews = R"(@moved@
SELECT m.oid, m.nspname, m.relname, m.copy,
       format('CREATE MATERIALIZED VIEW pgkeep.%I (%s) USING %I%s TABLESPACE %I AS ', m.copy,
              (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
                 FROM pg_attribute a
                WHERE a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped), y.amname,
              (SELECT ' WITH (' || string_agg(format('%s=%L', split_part(o, '=', 1),
                        substr(o, strpos(o, '=') + 1)), ', ') || ')'
                 FROM (SELECT unnest(m.reloptions) UNION ALL
                       SELECT 'toast.' || unnest(k.reloptions) FROM pg_class k
                        WHERE k.oid = m.reltoastrelid) x(o)),
              (SELECT spcname FROM pg_tablespace
                WHERE oid = coalesce(nullif(m.reltablespace, 0),
                                     (SELECT dattablespace FROM pg_database
                                       WHERE datname = current_database())))),
       rtrim(pg_get_viewdef(m.oid), '; '),
       CASE WHEN m.relispopulated THEN ' WITH DATA' ELSE ' WITH NO DATA' END,
       (SELECT string_agg(format('ALTER MATERIALIZED VIEW pgkeep.%I ALTER COLUMN %I SET %s', m.copy,
                                 a.attname, w.words), E';\n' ORDER BY a.attnum, w.words)
          FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
         CROSS JOIN LATERAL (VALUES
           (CASE WHEN a.attstattarget >= 0 THEN 'STATISTICS ' || a.attstattarget END),
           ('(' || (SELECT string_agg(each, ', ') FROM unnest(a.attoptions) each
                     WHERE NOT starts_with(each, 'pg_')) || ')'),
           (CASE WHEN a.attstorage <> t.typstorage THEN 'STORAGE ' ||
              CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'
                                WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END),
           (CASE a.attcompression WHEN 'p' THEN 'COMPRESSION pglz'
                                  WHEN 'l' THEN 'COMPRESSION lz4' END)) AS w(words)
         WHERE a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped AND w.words IS NOT NULL)
  FROM matviews m JOIN pg_am y ON y.oid = m.relam
 ORDER BY m.depth, m.oid)";

// Places as in shadow_swap_sql.cc, with which these lines are merged.
constexpr std::string_view kSwapDependents = R"(@moved@, indexes AS (
  SELECT m.oid AS matview, m.nspname, m.q, i.indexrelid AS oid, c.relname AS name, i.indisclustered,
         i.indisvalid, format('shadow_%s_%s', m.oid, i.indexrelid) AS copy
    FROM matviews m JOIN pg_index i ON i.indrelid = m.oid JOIN pg_class c ON c.oid = i.indexrelid
), stats AS (
  SELECT s.*, n.nspname, format('%I.%I', n.nspname, s.stxname) AS q,
         format('shadow_%s_%s', m.oid, s.oid) AS copy
    FROM matviews m JOIN pg_statistic_ext s ON s.stxrelid = m.oid
    JOIN pg_namespace n ON n.oid = s.stxnamespace
), acl AS (
  SELECT m.q, NULL::text AS col, x.* FROM matviews m, aclexplode(m.relacl) x
   UNION ALL
  SELECT m.q, quote_ident(a.attname), x.*
    FROM matviews m JOIN pg_attribute a ON a.attrelid = m.oid AND NOT a.attisdropped,
         aclexplode(a.attacl) x
), lines(place, line) AS (
  -- Those of the old table would tie it to a materialized view that goes.
  SELECT 11, format('DROP POLICY %I ON %s', p.polname, t.q)
    FROM pg_policy p JOIN moved t ON t.oid = p.polrelid AND t.depth = 0
   WHERE EXISTS (SELECT FROM pg_depend d JOIN matviews m ON m.oid = d.refobjid
                  WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid
                    AND d.refclassid = 'pg_class'::regclass)
   UNION ALL
  SELECT 11, format('DROP RULE %I ON %s', r.rulename, t.q)
    FROM pg_rewrite r JOIN moved t ON t.oid = r.ev_class AND t.depth = 0
   WHERE EXISTS (SELECT FROM pg_depend d JOIN matviews m ON m.oid = d.refobjid
                  WHERE d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
                    AND d.refclassid = 'pg_class'::regclass)
   UNION ALL
  SELECT 16, 'DROP STATISTICS ' || q FROM stats
   UNION ALL
  SELECT 18, format('ALTER INDEX %I.%I RENAME TO %I', nspname, name, 'old_' || oid) FROM indexes
   UNION ALL
  SELECT 19, format('ALTER MATERIALIZED VIEW %s RENAME TO %I', q, 'old_' || oid) FROM matviews
   UNION ALL
  SELECT 24, format('ALTER MATERIALIZED VIEW pgkeep.%I SET SCHEMA %I', copy, nspname) FROM matviews
   UNION ALL
  SELECT 25, format('ALTER MATERIALIZED VIEW %I.%I RENAME TO %I', nspname, copy, relname)
    FROM matviews
   UNION ALL
  SELECT 26, format('ALTER MATERIALIZED VIEW %s OWNER TO %I', q, pg_get_userbyid(relowner))
    FROM matviews
   UNION ALL
  SELECT 30, format('ALTER INDEX %I.%I RENAME TO %I', nspname, copy, name) FROM indexes
   WHERE indisvalid
   UNION ALL
  SELECT 31, format('ALTER STATISTICS pgkeep.%I RENAME TO %I', copy, stxname) FROM stats
   UNION ALL
  SELECT 32, format('ALTER STATISTICS pgkeep.%I SET SCHEMA %I', stxname, nspname) FROM stats
   UNION ALL
  SELECT 33, format('ALTER STATISTICS %s SET STATISTICS %s', q, stxstattarget) FROM stats
   WHERE stxstattarget >= 0
   UNION ALL
  SELECT 34, format('ALTER STATISTICS %s OWNER TO %I', q, pg_get_userbyid(stxowner)) FROM stats
   UNION ALL
  SELECT 50, format('REVOKE ALL ON TABLE %s FROM %s', m.q, CASE WHEN x.grantee = 0 THEN 'PUBLIC'
                    ELSE quote_ident(pg_get_userbyid(x.grantee)) END)
    FROM matviews m JOIN pg_class c ON c.oid = to_regclass(format('pgkeep.%I', m.copy)),
         aclexplode(c.relacl) x
   WHERE x.grantee <> c.relowner GROUP BY m.q, x.grantee
   UNION ALL
  SELECT 51, format('REVOKE ALL ON TABLE %s FROM %I', q, pg_get_userbyid(relowner)) FROM matviews
   WHERE relacl IS NOT NULL
   UNION ALL
  SELECT 52, format('GRANT %s ON TABLE %s TO %s%s',
                    string_agg(privilege_type || coalesce(' (' || col || ')', ''), ', '
                               ORDER BY privilege_type, col), q,
                    CASE WHEN grantee = 0 THEN 'PUBLIC'
                         ELSE quote_ident(pg_get_userbyid(grantee)) END,
                    CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM acl GROUP BY q, grantee, is_grantable
   UNION ALL
  SELECT 55, format('ALTER MATERIALIZED VIEW %s CLUSTER ON %I', q, name) FROM indexes
   WHERE indisclustered
   UNION ALL
  SELECT 60, format('COMMENT ON %s IS %L', x.object, d.description)
    FROM (SELECT 'pg_class'::regclass AS class, oid, 0 AS sub, 'MATERIALIZED VIEW ' || q AS object
            FROM matviews
           UNION ALL
          SELECT 'pg_class'::regclass, m.oid, a.attnum, format('COLUMN %s.%I', m.q, a.attname)
            FROM matviews m JOIN pg_attribute a ON a.attrelid = m.oid AND a.attnum > 0
           UNION ALL
          SELECT 'pg_class'::regclass, oid, 0, format('INDEX %I.%I', nspname, name) FROM indexes
           WHERE indisvalid
           UNION ALL
          SELECT 'pg_statistic_ext'::regclass, oid, 0, 'STATISTICS ' || q FROM stats) x
    JOIN pg_description d ON d.classoid = x.class AND d.objoid = x.oid AND d.objsubid = x.sub
   UNION ALL
  -- The view stays the same object: its privileges, comments and dependents too.
  SELECT 70, format('CREATE OR REPLACE VIEW %s%s AS %s', v.oid::regclass,
                    ' WITH (' || (SELECT string_agg(o, ', ') FROM unnest(v.reloptions) o) || ')',
                    rtrim(pg_get_viewdef(v.oid), '; '))
    FROM readers x JOIN pg_rewrite r ON r.oid = x.objid AND x.classid = 'pg_rewrite'::regclass
    JOIN pg_class v ON v.oid = r.ev_class AND v.relkind = 'v'
   WHERE r.rulename = '_RETURN'
   UNION ALL
  SELECT 71, regexp_replace(pg_get_ruledef(r.oid), '^CREATE RULE', 'CREATE OR REPLACE RULE')
    FROM readers x JOIN pg_rewrite r ON r.oid = x.objid AND x.classid = 'pg_rewrite'::regclass
   WHERE r.rulename <> '_RETURN' AND r.ev_class <> $1::oid
   UNION ALL
  SELECT 72, pg_get_functiondef(objid) FROM readers WHERE classid = 'pg_proc'::regclass
   UNION ALL
  SELECT 73, format('ALTER POLICY %I ON %s%s%s', p.polname, p.polrelid::regclass,
                    ' USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
                    ' WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
    FROM readers x JOIN pg_policy p ON p.oid = x.objid AND x.classid = 'pg_policy'::regclass
   WHERE p.polrelid <> $1::oid
   UNION ALL
  SELECT 76, 'DROP MATERIALIZED VIEW ' || string_agg(format('%I.%I', nspname, 'old_' || oid), ', ')
    FROM matviews
)
SELECT line, place FROM lines WHERE line IS NOT NULL ORDER BY place, line)";

// LOCK TABLE takes no materialized views, asks for rights that the statements of the swap do not,
// and of a view it asks its owner for rights on what the view reads.
constexpr std::string_view kLocked = R"(@moved@
SELECT n.nspname, c.relname,
       CASE c.relkind WHEN 'v' THEN (SELECT rolsuper FROM pg_roles WHERE rolname = session_user)
                      ELSE c.relkind IN ('r', 'p')
                           AND has_table_privilege(session_user, c.oid, 'UPDATE, DELETE, TRUNCATE')
       END
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid IN (
   SELECT conrelid FROM pg_constraint WHERE contype = 'f' AND confrelid = $1::oid
    UNION
   SELECT confrelid FROM pg_constraint WHERE contype = 'f' AND conrelid = $1::oid
    UNION
   SELECT r.ev_class FROM readers x JOIN pg_rewrite r ON r.oid = x.objid
    WHERE x.classid = 'pg_rewrite'::regclass
    UNION
   SELECT p.polrelid FROM readers x JOIN pg_policy p ON p.oid = x.objid
    WHERE x.classid = 'pg_policy'::regclass) AND c.oid <> $1::oid
 ORDER BY c.relkind IN ('v', 'm'), 1, 2)";

constexpr std::string_view kMark = R"(@moved@
SELECT concat_ws(' ', (SELECT string_agg(c.oid || '/' || c.xmin, ' ' ORDER BY c.oid)
                         FROM pg_class c WHERE c.oid IN (SELECT oid FROM moved)),
                 (SELECT max(a.xmin::text::bigint) FROM pg_attribute a
                   WHERE a.attrelid IN (SELECT oid FROM moved)),
                 (SELECT count(*) || ' ' || sum(d.objid::bigint) FROM pg_depend d
                   WHERE d.refclassid = 'pg_class'::regclass
                     AND d.refobjid IN (SELECT oid FROM moved))))";

} // namespace

std::string shadow_dependent_refusals() {
  return with_moved(kRefusals);
}
std::string shadow_matviews() {
  return with_moved(kMatviews);
}
std::string shadow_dependents_swap() {
  return with_moved(kSwapDependents);
}
std::string shadow_locked() {
  return with_moved(kLocked);
}
std::string shadow_mark() {
  return with_moved(kMark);
}

} // namespace pgkeep::migrate
