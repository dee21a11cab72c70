-- path: db/migrations/000012_orders.up.sql
CREATE INDEX CONCURRENTLY orders_user_id ON orders (user_id);
VACUUM orders;
REINDEX INDEX CONCURRENTLY orders_user_id;
ALTER TABLE events DETACH PARTITION events_1 CONCURRENTLY;
DROP INDEX CONCURRENTLY orders_user_id;
ALTER SYSTEM SET work_mem = '8MB';
CREATE DATABASE other;
