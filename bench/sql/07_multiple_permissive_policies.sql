-- Several permissive policies for one table, role and command: each row is judged by all of them.
SELECT n.nspname, t.relname, r.role, c.command, array_agg(p.polname ORDER BY p.polname) AS policies
FROM pg_policy p
JOIN pg_class t ON t.oid = p.polrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
CROSS JOIN LATERAL unnest(p.polroles) AS r(role)
CROSS JOIN LATERAL unnest(CASE p.polcmd WHEN '*' THEN ARRAY['r', 'a', 'w', 'd']
                                        ELSE ARRAY[p.polcmd::text] END) AS c(command)
WHERE p.polpermissive AND t.relrowsecurity
GROUP BY n.nspname, t.relname, r.role, c.command
HAVING count(*) > 1
ORDER BY 1, 2;
