CREATE INDEX CONCURRENTLY orders_three ON orders (a, b, c);
CREATE INDEX CONCURRENTLY orders_cover ON orders (a) INCLUDE (b, c, d);
CREATE UNIQUE INDEX CONCURRENTLY orders_key ON orders (a, b, c, d);
