-- The way back of V008__case_contract.sql.
CREATE VIEW orders WITH (security_invoker = true) AS SELECT * FROM purchases;
DO $pgkeep$
DECLARE
  command text;
BEGIN
  FOR command IN
    SELECT pg_catalog.format('ALTER VIEW orders OWNER TO %I', pg_catalog.pg_get_userbyid(c.relowner))
    FROM pg_catalog.pg_class c
    WHERE c.oid = 'purchases'::pg_catalog.regclass
      AND pg_catalog.pg_get_userbyid(c.relowner) <> CURRENT_USER
    UNION ALL
    SELECT pg_catalog.format('GRANT %s ON orders TO %s', a.privilege_type,
      CASE a.grantee WHEN 0 THEN 'PUBLIC'
        ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)
    FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a
    WHERE c.oid = 'purchases'::pg_catalog.regclass AND a.grantee <> c.relowner
      AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
    UNION ALL
    SELECT pg_catalog.format('GRANT %s (%I) ON orders TO %s', a.privilege_type, c.attname,
      CASE a.grantee WHEN 0 THEN 'PUBLIC'
        ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)
    FROM pg_catalog.pg_attribute c CROSS JOIN LATERAL pg_catalog.aclexplode(c.attacl) a
    WHERE c.attrelid = 'purchases'::pg_catalog.regclass AND NOT c.attisdropped
      AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE')
  LOOP
    EXECUTE command;
  END LOOP;
END
$pgkeep$;
