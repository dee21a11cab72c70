-- A shop as one finds it: it grew for five years and nobody looked after it. Every mistake here is a common one, planted on purpose.
SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE EXTENSION pg_stat_statements;
CREATE EXTENSION hstore VERSION '1.4';
CREATE EXTENSION dblink;
CREATE LANGUAGE plshopu HANDLER plpgsql_call_handler;
GRANT CREATE ON SCHEMA public TO PUBLIC;

CREATE TABLE users (
    id serial PRIMARY KEY,
    email varchar(255),
    password text,                       -- plain text
    name varchar(255),
    is_admin text,                       -- a boolean as text
    created_at timestamp DEFAULT now(),  -- without a zone
    last_login timestamp,
    balance double precision DEFAULT 0   -- money as float
);
CREATE TABLE addresses (
    id serial PRIMARY KEY,
    user_id integer REFERENCES users (id) ON DELETE CASCADE,
    street varchar(255), city varchar(255), zip char(10), country char(2)
);
CREATE TABLE categories (id serial PRIMARY KEY, parent_id integer REFERENCES categories (id), name varchar(255));
CREATE TABLE suppliers (id serial PRIMARY KEY, name varchar(255), iban varchar(34), contact json, town text);
CREATE TABLE products (
    id serial PRIMARY KEY,
    category_id integer REFERENCES categories (id),
    supplier_id integer REFERENCES suppliers (id),
    sku varchar(255), name varchar(255), description text,
    price real, cost real, stock integer, tag_ids integer[], attributes json, created_at timestamp DEFAULT now(),
    CONSTRAINT products_sku_key UNIQUE (sku)
);
ALTER TABLE products ADD CONSTRAINT products_sku_unique UNIQUE (sku);  -- says it twice
CREATE TABLE product_reviews (
    id serial PRIMARY KEY, product_id integer REFERENCES products (id), user_id integer REFERENCES users (id),
    rating integer, body text, created_at timestamp DEFAULT now()
);
CREATE TABLE product_variants (
    product_id integer NOT NULL, variant integer NOT NULL, label text NOT NULL, PRIMARY KEY (product_id, variant), UNIQUE (product_id)
);
CREATE TABLE variant_stock (
    id serial PRIMARY KEY, product_id integer NOT NULL, variant integer NOT NULL, pieces integer NOT NULL,
    CONSTRAINT variant_stock_variant FOREIGN KEY (product_id, variant) REFERENCES product_variants (product_id, variant),
    CONSTRAINT variant_stock_product FOREIGN KEY (product_id) REFERENCES product_variants (product_id)  -- contained in the one above
);
CREATE TABLE orders (
    id serial PRIMARY KEY,
    user_id integer NOT NULL REFERENCES users (id),
    status text NOT NULL DEFAULT 'new',
    total double precision,
    note varchar(255),
    placed_at timestamp DEFAULT now()
);
CREATE TABLE order_items (
    id serial PRIMARY KEY,
    order_id integer NOT NULL REFERENCES orders (id),
    product_id integer NOT NULL REFERENCES products (id),
    quantity integer NOT NULL, price real NOT NULL
);
CREATE TABLE payments (
    id serial PRIMARY KEY, order_id integer REFERENCES orders (id), user_id integer REFERENCES users (id),
    amount money, status text NOT NULL, card_number text, paid_at timestamp DEFAULT now()
);
CREATE TABLE refunds (
    id serial PRIMARY KEY, payment_id integer, amount real, reason varchar(255),
    CONSTRAINT refunds_payment FOREIGN KEY (payment_id) REFERENCES payments (id),
    CONSTRAINT refunds_payment_again FOREIGN KEY (payment_id) REFERENCES payments (id)
);
CREATE TABLE shipments (id serial PRIMARY KEY, order_id bigint REFERENCES orders (id), carrier varchar(255), shipped_at timestamp);
CREATE TABLE carts (id serial PRIMARY KEY, user_id integer REFERENCES users (id), updated_at timestamp DEFAULT now());
CREATE TABLE cart_items (id serial PRIMARY KEY, cart_id integer REFERENCES carts (id), product_id integer REFERENCES products (id), quantity integer);
CREATE TABLE coupons (code varchar(255) PRIMARY KEY, percent real, valid_from date, valid_to date);
CREATE TABLE coupon_uses (coupon_code varchar(100) REFERENCES coupons (code), order_id integer REFERENCES orders (id), used_at timestamp);
CREATE TABLE inventory (product_id integer REFERENCES products (id), warehouse text, quantity integer);  -- no key at all
CREATE TABLE events (id serial PRIMARY KEY, user_id integer, kind text, payload json, created_at timestamp DEFAULT now());
CREATE TABLE jobs (id serial PRIMARY KEY, kind text, status text DEFAULT 'pending', payload json, run_at timestamp DEFAULT now())
    WITH (autovacuum_enabled = off);     -- "vacuum was slow"
CREATE TABLE sessions (token text PRIMARY KEY, user_id integer REFERENCES users (id), ip_address text, expires_at text);
CREATE TABLE audit_log (at timestamp DEFAULT now(), who text, what text);                                -- no key at all
CREATE UNLOGGED TABLE search_cache (term text PRIMARY KEY, hits json);
CREATE TABLE settings (name text, value text);
CREATE TABLE newsletter (id smallint, email text, user_ref regproc);
CREATE TABLE imports (id serial PRIMARY KEY, line text, imported_at timestamp);
CREATE TABLE old_events (id serial PRIMARY KEY, kind text, body text);
CREATE TABLE price_changes (id serial PRIMARY KEY, product_id integer REFERENCES products (id), old_price real, new_price real);
CREATE TABLE customer_notes (id serial PRIMARY KEY, user_id integer REFERENCES users (id), note text);
CREATE TABLE loyalty_accounts (id serial PRIMARY KEY, user_id integer REFERENCES users (id), points integer DEFAULT 0);

-- Partitions that somebody creates by hand, or forgets to: the last ended with the last month.
CREATE TABLE page_views (
    id bigint GENERATED ALWAYS AS IDENTITY, viewed_at timestamptz NOT NULL, path text, PRIMARY KEY (id, viewed_at)
) PARTITION BY RANGE (viewed_at);
CREATE TABLE mail_log (
    id bigint GENERATED ALWAYS AS IDENTITY, sent_at timestamptz NOT NULL, subject text, PRIMARY KEY (id, sent_at)
) PARTITION BY RANGE (sent_at);
CREATE TABLE mail_log_default PARTITION OF mail_log DEFAULT;
DO $$
DECLARE
  first date;
BEGIN
  FOR back IN 1..3 LOOP
    first := date_trunc('month', now() AT TIME ZONE 'UTC')::date - make_interval(months => back);
    EXECUTE format('CREATE TABLE page_views_%s PARTITION OF page_views FOR VALUES FROM (%L) TO (%L)', to_char(first, 'YYYYMM'),
                   first || ' 00:00:00+00', (first + interval '1 month')::date || ' 00:00:00+00');
    EXECUTE format('CREATE TABLE mail_log_%s PARTITION OF mail_log FOR VALUES FROM (%L) TO (%L)', to_char(first, 'YYYYMM'),
                   first || ' 00:00:00+00', (first + interval '1 month')::date || ' 00:00:00+00');
  END LOOP;
END $$;

-- The shop began to serve other shops in its third year.
DO $$
DECLARE
  name regclass;
BEGIN
  FOR name IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                AND c.relname NOT IN ('settings', 'newsletter', 'search_cache', 'imports', 'coupon_uses', 'product_variants') LOOP
    EXECUTE format('ALTER TABLE %s ADD COLUMN tenant_id integer NOT NULL DEFAULT 1', name);
  END LOOP;
END $$;

-- One row-level policy that lets everything through, one that is switched off, a view around it.
ALTER TABLE jobs OWNER TO shop_worker;
ALTER TABLE customer_notes OWNER TO shop_worker;
ALTER TABLE customer_notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY everything ON customer_notes USING (true) WITH CHECK (true);
CREATE VIEW notes_of_all AS SELECT id, note FROM customer_notes;
CREATE POLICY own_points ON loyalty_accounts USING (tenant_id = current_setting('shop.tenant', true)::integer);

-- Functions and grants.
CREATE FUNCTION reset_password(who integer, new_password text) RETURNS void LANGUAGE sql SECURITY DEFINER
    AS 'UPDATE users SET password = new_password WHERE id = who';
CREATE FUNCTION send_invoice(order_number integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN dblink_connect('billing', 'host=10.0.0.5 user=billing password=Inv0ice-2020 dbname=billing');
END $$;
CREATE FUNCTION touch_order() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := coalesce(NEW.note, ''''); RETURN NEW; END';
CREATE TRIGGER touch_order BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch_order();
ALTER TABLE orders DISABLE TRIGGER touch_order;
GRANT ALL ON settings TO PUBLIC;
GRANT SELECT, INSERT ON orders, order_items, products TO shop_report;  -- and nothing on their sequences
GRANT SELECT ON notes_of_all TO shop_report;
