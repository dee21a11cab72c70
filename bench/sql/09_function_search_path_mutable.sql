-- Functions that find their names by the caller's search_path.
SELECT n.nspname, p.proname, pg_get_function_identity_arguments(p.oid) AS arguments
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
LEFT JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND d.objid IS NULL
  AND NOT coalesce(p.proconfig::text, '') LIKE '%search_path=%'
ORDER BY 1, 2;
