SELECT id FROM t WHERE name ~ '^abc';
SELECT relname FROM pg_class WHERE relname ~ 'abc';
