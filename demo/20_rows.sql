-- Rows by generate_series with a fixed seed: the same shop everywhere. The largest table has 1,200,000.
-- pgkeep.demo_scale (PGOPTIONS="-c pgkeep.demo_scale=0.1") makes a smaller one for tests.
CREATE OR REPLACE FUNCTION pg_temp.n(full_size bigint) RETURNS bigint LANGUAGE sql STABLE AS
    $$ SELECT greatest(1, full_size * coalesce(nullif(current_setting('pgkeep.demo_scale', true), '')::numeric, 1))::bigint $$;
SELECT setseed(0.42);
-- The rows fit by construction; checking each foreign key would take most of the time.
SET session_replication_role = replica;

INSERT INTO users (email, password, name, is_admin, created_at, balance)
SELECT 'user' || i || '@example.org', 'hunter' || i, 'User ' || i, CASE WHEN i % 1000 = 0 THEN 'true' ELSE 'false' END,
       timestamp '2021-01-01' + i * interval '9 minutes', round((random() * 500)::numeric, 2)
FROM generate_series(1, pg_temp.n(50000)) AS i;
INSERT INTO addresses (user_id, street, city, zip, country)
SELECT 1 + i % pg_temp.n(50000), 'Street ' || i, 'City ' || i % 300, (10000 + i % 89999)::text, 'DE' FROM generate_series(1, pg_temp.n(60000)) AS i;
INSERT INTO categories (parent_id, name) SELECT CASE WHEN i > 20 THEN 1 + i % 20 END, 'Category ' || i FROM generate_series(1, 200) AS i;
INSERT INTO suppliers (name, iban, contact, town)
SELECT 'Supplier ' || i, 'DE' || lpad(i::text, 20, '0'), json_build_object('mail', 's' || i || '@example.org'), 'Town ' || i
FROM generate_series(1, 500) AS i;
INSERT INTO products (category_id, supplier_id, sku, name, description, price, cost, stock, tag_ids, attributes)
SELECT 1 + i % 200, 1 + i % 500, 'SKU' || i, 'Product ' || i, repeat('good ', (10 + i % 20)::integer), (random() * 200)::real, (random() * 100)::real,
       (random() * 100)::integer, ARRAY[i % 50, i % 70], json_build_object('colour', i % 7, 'size', i % 5)
FROM generate_series(1, pg_temp.n(20000)) AS i;
INSERT INTO product_variants SELECT i, 1, 'the only one' FROM generate_series(1, 2000) AS i;
INSERT INTO variant_stock (product_id, variant, pieces) SELECT 1 + i % 2000, 1, i % 40 FROM generate_series(1, 6000) AS i;
INSERT INTO orders (user_id, status, total, placed_at)
SELECT 1 + (random() * (pg_temp.n(50000) - 1))::integer, (ARRAY['new', 'paid', 'shipped', 'done', 'stale'])[1 + i % 5],
       (random() * 900)::double precision, timestamp '2022-01-01' + i * interval '4 minutes'
FROM generate_series(1, pg_temp.n(400000)) AS i;
INSERT INTO order_items (order_id, product_id, quantity, price)
SELECT 1 + i % pg_temp.n(400000), 1 + (random() * (pg_temp.n(20000) - 1))::integer, 1 + i % 4, (random() * 200)::real
FROM generate_series(1, pg_temp.n(1200000)) AS i;
INSERT INTO payments (order_id, user_id, amount, status, card_number, paid_at)
SELECT i, 1 + i % pg_temp.n(50000), (random() * 900)::numeric::money, 'captured', '41111111' || lpad(i::text, 8, '0'),
       timestamp '2022-01-01' + i * interval '4 minutes'
FROM generate_series(1, pg_temp.n(200000)) AS i;
INSERT INTO refunds (payment_id, amount, reason) SELECT i, (random() * 90)::real, 'broken' FROM generate_series(1, 5000) AS i;
INSERT INTO shipments (order_id, carrier, shipped_at)
SELECT i, 'post', timestamp '2022-01-02' + i * interval '4 minutes' FROM generate_series(1, pg_temp.n(100000)) AS i;
INSERT INTO carts (user_id) SELECT 1 + i % pg_temp.n(50000) FROM generate_series(1, pg_temp.n(20000)) AS i;
INSERT INTO cart_items (cart_id, product_id, quantity)
SELECT 1 + i % pg_temp.n(20000), 1 + i % pg_temp.n(20000), 1 FROM generate_series(1, pg_temp.n(40000)) AS i;
INSERT INTO coupons SELECT 'SAVE' || i, 10, date '2024-01-01', date '2024-12-31' FROM generate_series(1, 100) AS i;
INSERT INTO coupon_uses SELECT 'SAVE' || 1 + i % 100, i, now() FROM generate_series(1, pg_temp.n(20000)) AS i;
INSERT INTO inventory SELECT 1 + i % pg_temp.n(20000), 'W' || i % 3, i % 100 FROM generate_series(1, pg_temp.n(60000)) AS i;
INSERT INTO events (user_id, kind, payload, created_at)
SELECT 1 + i % pg_temp.n(50000), (ARRAY['view', 'click', 'buy'])[1 + i % 3], json_build_object('page', i % 500),
       timestamp '2024-01-01' + i * interval '1 minute'
FROM generate_series(1, pg_temp.n(300000)) AS i;
INSERT INTO jobs (kind, status, payload) SELECT 'mail', 'done', '{"to": 1}' FROM generate_series(1, 60000) AS i;
INSERT INTO sessions
SELECT md5(i::text), 1 + i % pg_temp.n(50000), '10.0.' || i % 255 || '.' || i % 200, '2026-01-01' FROM generate_series(1, pg_temp.n(40000)) AS i;
INSERT INTO audit_log SELECT now(), 'user' || i, 'login' FROM generate_series(1, pg_temp.n(100000)) AS i;
-- Copied from the old system with their numbers, and the sequence stayed where it was.
INSERT INTO product_reviews (id, product_id, user_id, rating, body)
SELECT i, 1 + i % pg_temp.n(20000), 1 + i % pg_temp.n(50000), 1 + i % 5, 'nice' FROM generate_series(1, pg_temp.n(60000)) AS i;
INSERT INTO settings VALUES ('theme', 'dark');
INSERT INTO price_changes (product_id, old_price, new_price) SELECT 1 + i % 2000, 1, 2 FROM generate_series(1, 30000) AS i;
INSERT INTO customer_notes (user_id, note) SELECT i, 'called' FROM generate_series(1, 3000) AS i;
INSERT INTO loyalty_accounts (user_id, points) SELECT i, i % 90 FROM generate_series(1, 3000) AS i;
INSERT INTO old_events (kind, body) SELECT 'view', repeat(md5(i::text), 4) FROM generate_series(1, 200000) AS i;
INSERT INTO page_views (viewed_at, path)
SELECT date_trunc('month', now()) - (1 + i % 80) * interval '1 day', '/product/' || i FROM generate_series(1, 20000) AS i;
INSERT INTO mail_log (sent_at, subject)
SELECT date_trunc('month', now()) + interval '1 second' - (i % 60) * interval '1 day', 'Your order ' || i FROM generate_series(1, 12000) AS i;
RESET session_replication_role;
