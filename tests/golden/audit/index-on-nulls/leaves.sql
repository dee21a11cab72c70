-- Partial already; half full; unique.
CREATE TABLE orders (id bigint PRIMARY KEY, coupon text, note text, code text);
INSERT INTO orders SELECT g, CASE WHEN g % 50 = 0 THEN 'c' || g END, CASE WHEN g % 2 = 0 THEN 'n' || g END, CASE WHEN g % 50 = 0 THEN 'c' || g END
FROM generate_series(1, 80000) g;
CREATE INDEX orders_coupon ON orders (coupon) WHERE coupon IS NOT NULL;
CREATE INDEX orders_note ON orders (note) WITH (deduplicate_items = off);
CREATE UNIQUE INDEX orders_code ON orders (code) WITH (deduplicate_items = off);
VACUUM ANALYZE orders;
