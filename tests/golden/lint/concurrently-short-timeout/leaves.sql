-- path: plain.sql
SET lock_timeout = '2s';
ALTER TABLE orders ADD COLUMN note text;
SET lock_timeout = 0;
CREATE INDEX CONCURRENTLY orders_user_id ON orders (user_id);
SET lock_timeout = '10min';
SET statement_timeout = '2h';
REINDEX INDEX CONCURRENTLY orders_place;
RESET lock_timeout;
CREATE INDEX CONCURRENTLY orders_note ON orders (note);
