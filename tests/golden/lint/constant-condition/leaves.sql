SELECT id FROM users WHERE 1 = 1 AND name = 'x';
CREATE TABLE shape AS SELECT id FROM users WHERE false;
SELECT id FROM users WHERE $1 = 1 OR name = 'x';
SELECT u.id FROM users u JOIN LATERAL (SELECT 1) s ON true;
