-- Indexes of a table whose definitions differ in their names only.
SELECT n.nspname, t.relname, array_agg(i.relname ORDER BY i.relname) AS indexes
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
GROUP BY n.nspname, t.relname, replace(pg_get_indexdef(x.indexrelid), i.relname, '')
HAVING count(*) > 1
ORDER BY 1, 2;
