-- Tables that have policies but do not apply them.
SELECT n.nspname, t.relname, array_agg(p.polname ORDER BY p.polname) AS policies
FROM pg_policy p
JOIN pg_class t ON t.oid = p.polrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE NOT t.relrowsecurity
GROUP BY n.nspname, t.relname
ORDER BY 1, 2;
