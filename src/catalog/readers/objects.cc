// Triggers, functions, policies, extensions, languages, collations, tablespaces, types, large
// objects.
#include <algorithm>

#include "catalog/reader.h"

namespace pgkeep::catalog {
namespace {

// Four triggers of the server stand behind each foreign key; they are worth a row only when
// somebody switched them.
constexpr std::string_view kTriggers = R"(
SELECT t.tgrelid AS relation, t.tgname AS name, t.tgenabled::text AS enabled,
       t.tgisinternal AS is_internal,
       quote_ident(pn.nspname) || '.' || quote_ident(p.proname) AS function,
       con.conname AS constraint
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_proc p ON p.oid = t.tgfoid
JOIN pg_namespace pn ON pn.oid = p.pronamespace
LEFT JOIN pg_constraint con ON con.oid = t.tgconstraint
WHERE (NOT t.tgisinternal OR t.tgenabled <> 'O')
  AND {{user_kinds}} AND {{user_schema}} AND {{is_in_scope}}
ORDER BY t.tgrelid, t.tgname)";

constexpr std::string_view kFunctions = R"(
SELECT p.oid, n.nspname AS schema, p.proname AS name,
       pg_get_function_identity_arguments(p.oid) AS arguments, p.prokind::text AS kind,
       coalesce(o.rolname, '') AS owner, l.lanname AS language, p.provolatile::text AS volatility,
       p.prosecdef AS security_definer, coalesce(o.rolsuper, false) AS owner_is_superuser,
       coalesce(array_to_string(p.proconfig, E'\n') ~ '(^|\n)search_path=', false)
         AS pins_search_path,
       has_function_privilege('public', p.oid, 'EXECUTE') AS public_execute,
       l.lanname NOT IN ('internal', 'c') AND p.prosrc ~* '{{secret_text}}' AS body_has_secret
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_language l ON l.oid = p.prolang
LEFT JOIN pg_roles o ON o.oid = p.proowner
WHERE {{user_schema}} AND p.oid >= 16384
  AND p.oid NOT IN (SELECT x.objid FROM pg_depend x
                    WHERE x.refclassid = 'pg_extension'::regclass
                      AND x.classid = 'pg_proc'::regclass AND x.deptype = 'e')
ORDER BY p.oid)";

constexpr std::string_view kExtensions = R"(
SELECT e.extname AS name, e.extversion AS version, a.default_version, n.nspname AS schema,
       e.extrelocatable AS is_relocatable
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
LEFT JOIN pg_available_extensions a ON a.name = e.extname
ORDER BY e.extname)";

constexpr std::string_view kLanguages =
    "SELECT lanname AS name, lanpltrusted AS is_trusted FROM pg_language ORDER BY lanname";

constexpr std::string_view kCollations = R"(
WITH used AS (
  SELECT k.oid, sum(u.indexes)::bigint AS indexes
  FROM (SELECT i.indcollation, count(*) AS indexes
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE i.indrelid >= 16384 AND {{user_schema}} AND {{user_kinds}}
        GROUP BY i.indcollation) u
  CROSS JOIN LATERAL (SELECT DISTINCT o.oid FROM unnest(u.indcollation) o(oid)
                      WHERE o.oid <> 0) k
  GROUP BY k.oid
)
SELECT CASE WHEN co.oid = 100 THEN co.collname::text
            ELSE quote_ident(n.nspname) || '.' || quote_ident(co.collname) END AS name,
       (CASE WHEN co.oid = 100 THEN {{default_collation_provider}} ELSE co.collprovider END)::text
         AS provider,
       CASE WHEN co.oid = 100 THEN {{default_collation_version}} ELSE co.collversion END AS version,
       CASE WHEN co.oid = 100 THEN {{default_collation_actual}}
            ELSE pg_collation_actual_version(co.oid) END AS version_actual,
       u.indexes
FROM used u JOIN pg_collation co ON co.oid = u.oid
JOIN pg_namespace n ON n.oid = co.collnamespace
CROSS JOIN (SELECT * FROM pg_database d WHERE d.datname = current_database()) d
ORDER BY co.collname, co.oid)";

// The size of pg_default would be read file by file, as those of its databases were.
constexpr std::string_view kTablespaces = R"(
SELECT t.spcname AS name, pg_tablespace_location(t.oid) AS location,
       CASE WHEN t.spcname NOT IN ('pg_default', 'pg_global')
             AND (has_tablespace_privilege(t.oid, 'CREATE')
                  OR pg_has_role('pg_read_all_stats', 'USAGE'))
            THEN pg_tablespace_size(t.oid) ELSE -1 END AS size_bytes
FROM pg_tablespace t ORDER BY t.spcname)";

constexpr std::string_view kTypes = R"(
SELECT n.nspname AS schema, t.typname AS name, t.typtype::text AS kind,
       coalesce(e.labels, 0) AS label_count, k.contypid IS NOT NULL AS has_unvalidated_constraint
FROM pg_type t
JOIN pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN (SELECT enumtypid, count(*) AS labels FROM pg_enum GROUP BY enumtypid) e
  ON e.enumtypid = t.oid
LEFT JOIN (SELECT DISTINCT con.contypid FROM pg_constraint con
           WHERE con.contypid <> 0 AND NOT con.convalidated AND {{is_enforced}}) k
  ON k.contypid = t.oid
WHERE t.typtype IN ('e', 'd') AND {{user_schema}}
  AND t.oid NOT IN (SELECT x.objid FROM pg_depend x
                    WHERE x.refclassid = 'pg_extension'::regclass
                      AND x.classid = 'pg_type'::regclass AND x.deptype = 'e')
ORDER BY n.nspname, t.typname)";

// More than a million are as good as a million.
constexpr std::string_view kLargeObjects =
    "SELECT count(*) AS count FROM (SELECT FROM pg_largeobject_metadata LIMIT 1000000) l";

void take_large_objects(const postgres::Rows& rows, ReadState& state) {
  state.db.large_objects = decode_row<LargeObjects>(rows);
  state.db.large_objects.reference_columns =
      std::ranges::count_if(state.db.columns, [](const Column& column) {
        return column.base_type == "oid" || column.base_type == "lo";
      });
}

constexpr Reader kObjectReaders[] = {
    {.name = "triggers",
     .facts = Facts::triggers,
     .title = "Triggers, and those of the server that somebody switched",
     .sql = kTriggers,
     .take = take_list<&Snapshot::triggers>},
    {.name = "functions",
     .facts = Facts::functions,
     .title = "Functions: owners, rights, search_path",
     .sql = kFunctions,
     .take = take_list<&Snapshot::functions>},
    {.name = "extensions",
     .facts = Facts::extensions,
     .title = "Extensions and their versions",
     .sql = kExtensions,
     .take = take_list<&Snapshot::extensions>},
    {.name = "languages",
     .facts = Facts::languages,
     .title = "Languages of functions",
     .sql = kLanguages,
     .take = take_list<&Snapshot::languages>},
    {.name = "collations",
     .facts = Facts::collations,
     .title = "Collations that indexes use, and their versions",
     .sql = kCollations,
     .take = take_list<&Snapshot::collations>},
    {.name = "tablespaces",
     .facts = Facts::tablespaces,
     .title = "Tablespaces",
     .sql = kTablespaces,
     .take = take_list<&Snapshot::tablespaces>},
    {.name = "types",
     .facts = Facts::types,
     .title = "Enums and domains",
     .sql = kTypes,
     .take = take_list<&Snapshot::types>},
    {.name = "large objects",
     .facts = Facts::large_objects,
     .title = "Large objects and the columns that may refer to them",
     .sql = kLargeObjects,
     .take = take_large_objects},
};

} // namespace

const std::span<const Reader> object_readers{kObjectReaders};

} // namespace pgkeep::catalog
