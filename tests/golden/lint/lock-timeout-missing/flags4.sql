-- path: migrations/0001_x.up.sql
RESET lock_timeout;
CREATE INDEX i ON orders (id);
SELECT 1;
