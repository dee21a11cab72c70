-- Tables without a primary key.
SELECT n.nspname, t.relname
FROM pg_class t
JOIN pg_namespace n ON n.oid = t.relnamespace
LEFT JOIN pg_index i ON i.indrelid = t.oid AND i.indisprimary
WHERE t.relkind IN ('r', 'p') AND i.indexrelid IS NULL
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY 1, 2;
