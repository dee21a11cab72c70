-- Views that read with their owner's rights.
SELECT n.nspname, v.relname
FROM pg_class v
JOIN pg_namespace n ON n.oid = v.relnamespace
WHERE v.relkind = 'v' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND NOT coalesce(lower(v.reloptions::text), '') ~ 'security_invoker=(true|on|yes|1)'
ORDER BY 1, 2;
