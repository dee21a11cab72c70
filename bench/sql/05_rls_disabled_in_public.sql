-- Tables of an exposed schema without row security.
SELECT n.nspname, t.relname
FROM pg_class t
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE t.relkind = 'r' AND NOT t.relrowsecurity
  AND (n.nspname = 'public' OR n.nspname LIKE 'area%')
ORDER BY 1, 2;
