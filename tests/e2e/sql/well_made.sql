-- A well-made database of the demo's size: over 20 tables, a million rows, partitions, row security, composite keys, partial,
-- expression and INCLUDE indexes. An audit of it must have no error and no warning.
-- Run as a superuser in an empty database; roles are made for it: wm_owner (nobody logs in), wm_app, wm_readonly.
\if :{?scale}
\else
\set scale 1
\endif
SET client_min_messages = warning;
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['wm_owner', 'wm_app', 'wm_readonly'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN EXECUTE format('CREATE ROLE %I', name); END IF;
  END LOOP;
END $$;
ALTER ROLE wm_app LOGIN CONNECTION LIMIT 50;
ALTER ROLE wm_readonly LOGIN CONNECTION LIMIT 5;
ALTER ROLE wm_app SET statement_timeout = '30s';
ALTER ROLE wm_app SET idle_in_transaction_session_timeout = '30s';
ALTER ROLE wm_app SET lock_timeout = '5s';
ALTER ROLE wm_readonly SET statement_timeout = '60s';
ALTER ROLE wm_readonly SET idle_in_transaction_session_timeout = '60s';
ALTER ROLE wm_readonly SET lock_timeout = '5s';
SELECT format('ALTER DATABASE %I OWNER TO wm_owner', current_database()) \gexec
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()) \gexec
SELECT format('GRANT CONNECT ON DATABASE %I TO wm_app, wm_readonly', current_database()) \gexec
REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA extensions;
CREATE EXTENSION pg_stat_statements SCHEMA extensions;
CREATE SCHEMA shop AUTHORIZATION wm_owner;
GRANT USAGE ON SCHEMA shop TO wm_app, wm_readonly;
ALTER DEFAULT PRIVILEGES FOR ROLE wm_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE wm_owner IN SCHEMA shop GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO wm_app;
ALTER DEFAULT PRIVILEGES FOR ROLE wm_owner IN SCHEMA shop GRANT SELECT ON TABLES TO wm_readonly;
ALTER DEFAULT PRIVILEGES FOR ROLE wm_owner IN SCHEMA shop GRANT USAGE, SELECT ON SEQUENCES TO wm_app;

SET ROLE wm_owner;
SET search_path = shop;

CREATE TABLE tenants (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE customers (
    tenant_id bigint NOT NULL REFERENCES tenants (id), id bigint GENERATED ALWAYS AS IDENTITY, email text NOT NULL, full_name text NOT NULL,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'closed')), created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id));
CREATE UNIQUE INDEX customers_email_key ON customers (tenant_id, lower(email));
CREATE TABLE addresses (
    tenant_id bigint NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, customer_id bigint NOT NULL, street text NOT NULL, city text NOT NULL,
    country text NOT NULL CHECK (length(country) = 2), PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id));
CREATE INDEX addresses_customer_idx ON addresses (tenant_id, customer_id);
CREATE TABLE categories (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, parent_id bigint REFERENCES categories (id), name text NOT NULL);
CREATE INDEX categories_parent_idx ON categories (parent_id) WHERE parent_id IS NOT NULL;
CREATE TABLE suppliers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, contact jsonb NOT NULL DEFAULT '{}');
CREATE TABLE products (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, category_id bigint NOT NULL REFERENCES categories (id),
    supplier_id bigint NOT NULL REFERENCES suppliers (id), sku text NOT NULL UNIQUE, name text NOT NULL,
    price numeric(12, 2) NOT NULL CHECK (price >= 0), attributes jsonb NOT NULL DEFAULT '{}');
CREATE INDEX products_category_idx ON products (category_id) INCLUDE (name, price);
CREATE INDEX products_supplier_idx ON products (supplier_id);
CREATE INDEX products_attributes_idx ON products USING gin (attributes);
CREATE TABLE tags (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);
CREATE TABLE product_tags (
    product_id bigint NOT NULL REFERENCES products (id) ON DELETE CASCADE, tag_id bigint NOT NULL REFERENCES tags (id), PRIMARY KEY (product_id, tag_id));
CREATE INDEX product_tags_tag_idx ON product_tags (tag_id);
CREATE TABLE orders (
    tenant_id bigint NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, customer_id bigint NOT NULL,
    status text NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'paid', 'shipped', 'done')), total numeric(12, 2) NOT NULL CHECK (total >= 0),
    placed_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id));
CREATE INDEX orders_customer_idx ON orders (tenant_id, customer_id, placed_at DESC);
CREATE INDEX orders_open_idx ON orders (tenant_id, placed_at) WHERE status IN ('new', 'paid');
CREATE TABLE order_items (
    tenant_id bigint NOT NULL, order_id bigint NOT NULL, line integer NOT NULL CHECK (line > 0), product_id bigint NOT NULL REFERENCES products (id),
    quantity integer NOT NULL CHECK (quantity > 0), price numeric(12, 2) NOT NULL CHECK (price >= 0), PRIMARY KEY (tenant_id, order_id, line),
    FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id) ON DELETE CASCADE);
CREATE INDEX order_items_product_idx ON order_items (product_id);
CREATE TABLE payments (
    tenant_id bigint NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, order_id bigint NOT NULL, amount numeric(12, 2) NOT NULL CHECK (amount > 0),
    idempotency_key uuid NOT NULL, status text NOT NULL CHECK (status IN ('pending', 'captured', 'failed')), paid_at timestamptz,
    PRIMARY KEY (tenant_id, id), UNIQUE (tenant_id, idempotency_key), FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id));
CREATE INDEX payments_order_idx ON payments (tenant_id, order_id);
CREATE TABLE refunds (
    tenant_id bigint NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, payment_id bigint NOT NULL, amount numeric(12, 2) NOT NULL CHECK (amount > 0),
    PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, payment_id) REFERENCES payments (tenant_id, id));
CREATE INDEX refunds_payment_idx ON refunds (tenant_id, payment_id);
CREATE TABLE shipments (
    tenant_id bigint NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, order_id bigint NOT NULL, carrier text NOT NULL, shipped_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id));
CREATE INDEX shipments_order_idx ON shipments (tenant_id, order_id);
CREATE TABLE warehouses (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text NOT NULL UNIQUE);
CREATE TABLE stock (
    warehouse_id bigint NOT NULL REFERENCES warehouses (id), product_id bigint NOT NULL REFERENCES products (id),
    quantity integer NOT NULL CHECK (quantity >= 0), PRIMARY KEY (warehouse_id, product_id));
CREATE INDEX stock_product_idx ON stock (product_id);
CREATE TABLE price_periods (
    product_id bigint NOT NULL REFERENCES products (id), valid tstzrange NOT NULL, price numeric(12, 2) NOT NULL CHECK (price >= 0),
    PRIMARY KEY (product_id, valid));
CREATE TABLE coupons (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text NOT NULL UNIQUE, percent numeric(5, 2) NOT NULL CHECK (percent BETWEEN 0 AND 100),
    starts_at timestamptz NOT NULL, ends_at timestamptz NOT NULL, CHECK (ends_at > starts_at));
CREATE TABLE coupon_uses (
    tenant_id bigint NOT NULL, order_id bigint NOT NULL, coupon_id bigint NOT NULL REFERENCES coupons (id), PRIMARY KEY (tenant_id, order_id, coupon_id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES orders (tenant_id, id));
CREATE INDEX coupon_uses_coupon_idx ON coupon_uses (coupon_id);
CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text NOT NULL CHECK (kind IN ('mail', 'invoice')), payload jsonb NOT NULL,
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'done', 'failed')), run_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX jobs_pending_idx ON jobs (run_at) WHERE status = 'pending';
CREATE TABLE reviews (
    product_id bigint NOT NULL REFERENCES products (id), tenant_id bigint NOT NULL, customer_id bigint NOT NULL,
    rating smallint NOT NULL CHECK (rating BETWEEN 1 AND 5), body text NOT NULL DEFAULT '', PRIMARY KEY (product_id, tenant_id, customer_id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES customers (tenant_id, id));
CREATE INDEX reviews_customer_idx ON reviews (tenant_id, customer_id);
CREATE TABLE feature_flags (name text PRIMARY KEY, is_on boolean NOT NULL DEFAULT false);

-- Events by month: partitions well into the future, no default partition with rows.
CREATE TABLE events (
    tenant_id bigint NOT NULL REFERENCES tenants (id), id bigint GENERATED BY DEFAULT AS IDENTITY, kind text NOT NULL CHECK (kind IN ('view', 'click', 'buy')),
    payload jsonb NOT NULL DEFAULT '{}', happened_at timestamptz NOT NULL, PRIMARY KEY (tenant_id, happened_at, id)) PARTITION BY RANGE (happened_at);
SELECT format('CREATE TABLE events_%s PARTITION OF events FOR VALUES FROM (%L) TO (%L)', to_char(month, 'YYYY_MM'), month, month + interval '1 month')
FROM generate_series(date_trunc('month', now()) - interval '4 months', date_trunc('month', now()) + interval '6 months', interval '1 month') AS month \gexec
CREATE INDEX events_kind_idx ON events (kind, happened_at);

-- Row security: each tenant sees its own rows; the owner too.
SELECT format('ALTER TABLE %1$s ENABLE ROW LEVEL SECURITY; ALTER TABLE %1$s FORCE ROW LEVEL SECURITY;
  CREATE POLICY tenant_fence ON %1$s USING (tenant_id = (SELECT nullif(current_setting(''app.tenant_id'', true), '''')::bigint))
  WITH CHECK (tenant_id = (SELECT nullif(current_setting(''app.tenant_id'', true), '''')::bigint))', name)
FROM unnest(ARRAY['customers', 'addresses', 'orders', 'order_items', 'payments', 'refunds', 'shipments', 'coupon_uses', 'reviews', 'events']) AS name \gexec

CREATE FUNCTION order_total(wanted_tenant bigint, wanted_order bigint) RETURNS numeric LANGUAGE sql STABLE
  SET search_path = pg_catalog, shop AS $$ SELECT sum(quantity * price) FROM order_items WHERE tenant_id = wanted_tenant AND order_id = wanted_order $$;
RESET ROLE;
DO $$ BEGIN
  IF current_setting('server_version_num')::int >= 150000 THEN
    EXECUTE 'CREATE VIEW shop.open_orders WITH (security_invoker = on) AS SELECT tenant_id, id, placed_at FROM shop.orders WHERE status IN (''new'', ''paid'')';
    EXECUTE 'ALTER VIEW shop.open_orders OWNER TO wm_owner';
  END IF;
END $$;

INSERT INTO tenants (name) SELECT 'Tenant ' || i FROM generate_series(1, 50) AS i;
INSERT INTO customers (tenant_id, email, full_name) SELECT 1 + i % 50, 'c' || i || '@example.org', 'Customer ' || i FROM generate_series(1, (40000 * :scale)::int) AS i;
INSERT INTO addresses (tenant_id, customer_id, street, city, country) SELECT tenant_id, id, 'Street ' || id, 'City', 'DE' FROM customers;
INSERT INTO categories (parent_id, name) SELECT CASE WHEN i > 20 THEN 1 + i % 20 END, 'Category ' || i FROM generate_series(1, 200) AS i;
INSERT INTO suppliers (name) SELECT 'Supplier ' || i FROM generate_series(1, 300) AS i;
INSERT INTO products (category_id, supplier_id, sku, name, price) SELECT 1 + i % 200, 1 + i % 300, 'SKU' || i, 'Product ' || i, 1 + i % 200 FROM generate_series(1, 10000) AS i;
INSERT INTO tags (name) SELECT 'tag' || i FROM generate_series(1, 100) AS i;
INSERT INTO product_tags SELECT 1 + i % 10000, 1 + i % 97 FROM generate_series(1, 20000) AS i ON CONFLICT DO NOTHING;
INSERT INTO orders (tenant_id, customer_id, status, total, placed_at)
SELECT tenant_id, id, (ARRAY['new', 'paid', 'shipped', 'done'])[1 + n % 4], 10 + n, now() - n * interval '1 hour' FROM customers, generate_series(1, 5) AS n;
INSERT INTO order_items SELECT tenant_id, id, n, 1 + (id * 7 + n) % 10000, n, 10 FROM orders, generate_series(1, 5) AS n;
INSERT INTO payments (tenant_id, order_id, amount, idempotency_key, status)
SELECT tenant_id, id, 10, md5(id::text || tenant_id)::uuid, 'captured' FROM orders WHERE status <> 'new';
INSERT INTO shipments (tenant_id, order_id, carrier, shipped_at) SELECT tenant_id, id, 'post', now() FROM orders WHERE status = 'done';
INSERT INTO warehouses (code) VALUES ('north'), ('south');
INSERT INTO stock SELECT 1 + i % 2, 1 + i % 10000, i % 50 FROM generate_series(1, 20000) AS i ON CONFLICT DO NOTHING;
INSERT INTO events (tenant_id, kind, happened_at) SELECT 1 + i % 50, (ARRAY['view', 'click', 'buy'])[1 + i % 3], now() - (i % 100) * interval '1 day' FROM generate_series(1, (100000 * :scale)::int) AS i;
INSERT INTO jobs (kind, payload, status) SELECT 'mail', '{}', 'done' FROM generate_series(1, 1000) AS i;
INSERT INTO coupons (code, percent, starts_at, ends_at) SELECT 'SAVE' || i, 10, now(), now() + interval '1 year' FROM generate_series(1, 20) AS i;
INSERT INTO feature_flags VALUES ('new_checkout', true);
VACUUM (ANALYZE);
