-- path: plain.sql
CREATE INDEX CONCURRENTLY orders_user_id ON orders (user_id);
VACUUM orders;
BEGIN;
REFRESH MATERIALIZED VIEW CONCURRENTLY totals;
ANALYZE orders;
CREATE INDEX orders_place ON orders (place);
COMMIT;
DROP INDEX CONCURRENTLY orders_user_id;
ALTER SYSTEM SET work_mem = '8MB';
