-- What time did: indexes made in a hurry, a queue that is never cleaned, statistics of last year.
CREATE INDEX orders_user ON orders (user_id);
CREATE INDEX orders_user_id_idx ON orders (user_id);
CREATE INDEX orders_user_status ON orders (user_id, status);
CREATE INDEX orders_note ON orders (note);
CREATE INDEX payments_status ON payments (status);
CREATE INDEX events_kind ON events (kind);
CREATE INDEX old_events_body ON old_events (body);
CREATE INDEX page_views_path ON ONLY page_views (path);
-- Built while two accounts had one address, which were then mended; nobody built it again.
INSERT INTO users (email, password, name, is_admin) VALUES ('user1@example.org', 'twice', 'Twin', 'no');
-- may-fail
CREATE UNIQUE INDEX CONCURRENTLY users_email_unique ON users (email);
DELETE FROM users WHERE name = 'Twin';
-- The library of this collation was upgraded once.
CREATE COLLATION shop_german (provider = icu, locale = 'de-DE');
ALTER TABLE suppliers ALTER COLUMN town TYPE text COLLATE shop_german;
CREATE INDEX suppliers_town ON suppliers (town);
UPDATE pg_collation SET collversion = '100.1' WHERE collname = 'shop_german';
ALTER TABLE orders ADD CONSTRAINT orders_total_positive CHECK (total >= 0) NOT VALID;
SELECT setval('payments_id_seq', 1990000000);
SELECT setval('shipments_id_seq', 1700000000);

-- Four of five rows are gone, and their pages are still there.
DELETE FROM old_events WHERE id % 5 <> 0;
VACUUM old_events;
ANALYZE;
-- Never analysed, analysed long ago, never cleaned.
INSERT INTO imports (line) SELECT 'line ' || i FROM generate_series(1, 50000) AS i;
UPDATE price_changes SET new_price = new_price + 1;
UPDATE jobs SET status = 'failed' WHERE id % 3 = 0;
DELETE FROM jobs WHERE id <= 30000;

-- A feed of prices from a partner who left.
CREATE SUBSCRIPTION price_feed CONNECTION 'host=10.0.0.9 dbname=prices user=feed password=Feed-2020' PUBLICATION prices
    WITH (connect = false, enabled = false, create_slot = false, slot_name = NONE);
