-- path: plain.sql
SET lock_timeout = '2s';
CREATE INDEX CONCURRENTLY orders_user_id ON orders (user_id);
SET lock_timeout = 0;
SET statement_timeout = '30s';
DROP INDEX CONCURRENTLY orders_place;
