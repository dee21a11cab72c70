-- Policies that call a function of the session for every row instead of once.
SELECT schemaname, tablename, policyname
FROM pg_policies
WHERE (qual ~* '(auth\.(uid|jwt|role|email)\(\)|current_setting\()'
       AND lower(qual) !~ 'select\s+(auth\.|current_setting\()')
   OR (with_check ~* '(auth\.(uid|jwt|role|email)\(\)|current_setting\()'
       AND lower(with_check) !~ 'select\s+(auth\.|current_setting\()')
ORDER BY 1, 2, 3;
