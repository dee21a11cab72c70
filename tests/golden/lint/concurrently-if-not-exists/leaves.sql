CREATE INDEX CONCURRENTLY orders_user_id ON orders (user_id);
CREATE INDEX IF NOT EXISTS orders_place ON orders (place);
DROP INDEX CONCURRENTLY IF EXISTS orders_note;
