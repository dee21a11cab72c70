-- database: shop.json
-- pgkeep:shadow every=year from=2024-01-01 to=2026-01-01
CREATE TABLE orders (LIKE orders INCLUDING ALL) PARTITION BY RANGE (created_at);
CREATE TABLE orders_old PARTITION OF orders FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
CREATE INDEX CONCURRENTLY orders_state ON orders (state);
