// Grants and comments of every object, for comparing databases.
//
// Most objects of a kind have the same access list, so each distinct list is taken apart once. The
// owner's own rights are told only where some were taken away; those of PUBLIC on functions, types
// and languages only where they are not the default. Comments are digests: they may say anything.
#include "catalog/reader.h"

namespace pgkeep::catalog {
namespace {

// acl(class, list, owner): `class` is acldefault()'s letter. A star: may be granted on.
constexpr std::string_view kGrants = R"(
WITH held AS MATERIALIZED (
  SELECT CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END AS class, c.relacl AS acl,
         c.relowner AS owner,
         CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                        WHEN 'f' THEN 'foreign table' WHEN 'S' THEN 'sequence' ELSE 'table' END
           AS kind,
         quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS object
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relacl IS NOT NULL AND c.oid >= 16384 AND ({{user_kinds}} OR c.relkind = 'S')
    AND {{user_schema}} AND {{is_in_scope}}
  UNION ALL
  SELECT 'c', a.attacl, c.relowner, 'column', quote_ident(n.nspname) || '.'
           || quote_ident(c.relname) || '.' || quote_ident(a.attname)
  FROM pg_attribute a
  JOIN pg_class c ON c.oid = a.attrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE a.attacl IS NOT NULL AND NOT a.attisdropped AND c.oid >= 16384 AND {{user_schema}}
    AND {{is_in_scope}}
  UNION ALL
  SELECT 'f', p.proacl, p.proowner, 'function', quote_ident(n.nspname) || '.'
           || quote_ident(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')'
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE p.proacl IS NOT NULL AND p.oid >= 16384 AND {{user_schema}}
    AND p.oid NOT IN (SELECT x.objid FROM pg_depend x
                      WHERE x.refclassid = 'pg_extension'::regclass
                        AND x.classid = 'pg_proc'::regclass AND x.deptype = 'e')
  UNION ALL
  SELECT 'n', n.nspacl, n.nspowner, 'schema', quote_ident(n.nspname)
  FROM pg_namespace n WHERE n.nspacl IS NOT NULL AND {{user_schema}}
  UNION ALL
  SELECT 'T', t.typacl, t.typowner, 'type', quote_ident(n.nspname) || '.' || quote_ident(t.typname)
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE t.typacl IS NOT NULL AND t.oid >= 16384 AND {{user_schema}}
    AND t.oid NOT IN (SELECT x.objid FROM pg_depend x
                      WHERE x.refclassid = 'pg_extension'::regclass
                        AND x.classid = 'pg_type'::regclass AND x.deptype = 'e')
  UNION ALL
  SELECT 'l', l.lanacl, l.lanowner, 'language', quote_ident(l.lanname)
  FROM pg_language l WHERE l.lanacl IS NOT NULL
  UNION ALL
  SELECT 'F', w.fdwacl, w.fdwowner, 'foreign-data wrapper', quote_ident(w.fdwname)
  FROM pg_foreign_data_wrapper w WHERE w.fdwacl IS NOT NULL
  UNION ALL
  SELECT 'S', s.srvacl, s.srvowner, 'server', quote_ident(s.srvname)
  FROM pg_foreign_server s WHERE s.srvacl IS NOT NULL
), list AS MATERIALIZED (
  SELECT DISTINCT ON (h.class, h.owner, h.acl::text) h.class, h.owner, h.acl, h.acl::text AS text
  FROM held h
), entry AS MATERIALIZED (
  SELECT l.class, l.owner, l.text, x.grantee,
         string_agg(DISTINCT x.privilege_type || CASE WHEN x.is_grantable THEN '*' ELSE '' END, ' ')
           AS rights
  FROM list l CROSS JOIN LATERAL aclexplode(l.acl) x
  GROUP BY l.class, l.owner, l.text, x.grantee
), usual AS MATERIALIZED (
  SELECT l.class, l.owner, x.grantee, string_agg(x.privilege_type, ' ' ORDER BY x.privilege_type)
           AS rights
  FROM (SELECT DISTINCT i.class, i.owner FROM list i) l
  CROSS JOIN LATERAL aclexplode(acldefault(l.class::"char", l.owner)) x
  GROUP BY l.class, l.owner, x.grantee
), shown AS MATERIALIZED (
  SELECT l.class, l.owner, l.text,
         string_agg(w.name || '=' || coalesce(w.rights, '(none)'), ', ' ORDER BY w.name) AS value
  FROM list l
  CROSS JOIN LATERAL (
    SELECT CASE WHEN g.grantee = 0 THEN 'PUBLIC' WHEN g.grantee = l.owner THEN '(owner)'
                ELSE quote_ident(pg_get_userbyid(g.grantee)) END AS name, e.rights
    FROM (SELECT i.grantee FROM entry i
          WHERE i.class = l.class AND i.owner = l.owner AND i.text = l.text
          UNION
          SELECT u.grantee FROM usual u WHERE u.class = l.class AND u.owner = l.owner) g
    LEFT JOIN entry e ON e.class = l.class AND e.owner = l.owner AND e.text = l.text
      AND e.grantee = g.grantee
    LEFT JOIN usual u ON u.class = l.class AND u.owner = l.owner AND u.grantee = g.grantee
    WHERE e.rights IS DISTINCT FROM u.rights) w
  GROUP BY l.class, l.owner, l.text
)
SELECT h.kind, h.object, 'grants' AS property, s.value
FROM held h JOIN shown s ON s.class = h.class AND s.owner = h.owner AND s.text = h.acl::text)";

// Only superusers may see pg_user_mapping and the like; comments on what is shared are not this
// database's.
constexpr std::string_view kComments = R"(
WITH noted AS MATERIALIZED (
  SELECT d.classoid, d.objoid, d.objsubid, 'md5:' || md5(d.description) AS value
  FROM pg_description d
  WHERE (d.objoid >= 16384 OR d.classoid = 'pg_namespace'::regclass
         AND d.objoid = 'public'::regnamespace AND d.description <> 'standard public schema')
    AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.refclassid = 'pg_extension'::regclass
                    AND x.classid = d.classoid AND x.objid = d.objoid AND x.deptype = 'e')
)
SELECT CASE WHEN d.objsubid <> 0 THEN 'column'
            ELSE CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                                WHEN 'f' THEN 'foreign table' WHEN 'S' THEN 'sequence'
                                WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' WHEN 'c' THEN 'type'
                                ELSE 'table' END END AS kind,
       quote_ident(n.nspname) || '.' || quote_ident(c.relname)
         || coalesce('.' || quote_ident(a.attname), '') AS object,
       'comment' AS property, d.value
FROM noted d
JOIN pg_class c ON c.oid = d.objoid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid <> 0
WHERE d.classoid = 'pg_class'::regclass AND {{user_schema}} AND {{is_in_scope}}
UNION ALL
SELECT 'function', quote_ident(n.nspname) || '.' || quote_ident(p.proname) || '('
         || pg_get_function_identity_arguments(p.oid) || ')', 'comment', d.value
FROM noted d
JOIN pg_proc p ON p.oid = d.objoid
JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE d.classoid = 'pg_proc'::regclass AND {{user_schema}}
UNION ALL
SELECT CASE i.type WHEN 'table constraint' THEN 'constraint' ELSE i.type END, i.identity,
       'comment', d.value
FROM noted d
CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) i
WHERE d.classoid NOT IN ('pg_class'::regclass, 'pg_proc'::regclass,
                         'pg_largeobject'::regclass)
  AND i.identity IS NOT NULL AND coalesce(i.schema, '') !~ '^pg_')";

constexpr Reader kGrantReaders[] = {
    {.name = "grants",
     .facts = Facts::grants,
     .title = "Who may do what with tables, columns, functions, schemas and types",
     .sql = kGrants,
     .take = take_definitions},
    {.name = "comments",
     .facts = Facts::comments,
     .title = "Digests of comments",
     .sql = kComments,
     .take = take_definitions},
};

} // namespace

const std::span<const Reader> grant_readers{kGrantReaders};

} // namespace pgkeep::catalog
