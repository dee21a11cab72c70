CREATE TABLE orders (id bigint PRIMARY KEY, coupon text);
INSERT INTO orders SELECT g, CASE WHEN g % 50 = 0 THEN 'c' || g END FROM generate_series(1, 80000) g;
CREATE INDEX orders_coupon ON orders (coupon) WITH (deduplicate_items = off);
VACUUM ANALYZE orders;
