-- "My orders" sorted the whole table for each visitor.
CREATE INDEX CONCURRENTLY orders_user_id_placed_at ON orders (user_id, placed_at DESC);
