SELECT id FROM t WHERE name ~ 'abc';
SELECT id FROM t WHERE name ~* '^abc';
