-- A shop as one finds it: it grew for five years and nobody looked after it. Every mistake here is a common one, planted on purpose.
SELECT setseed(0.42);
SET client_min_messages = warning;

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
CREATE TABLE suppliers (id serial PRIMARY KEY, name varchar(255), iban varchar(34), contact json);
CREATE TABLE products (
    id serial PRIMARY KEY,
    category_id integer REFERENCES categories (id),
    supplier_id integer REFERENCES suppliers (id),
    sku varchar(255), name varchar(255), description text,
    price real, cost real, stock integer, tag_ids integer[], attributes json, created_at timestamp DEFAULT now()
);
CREATE TABLE product_reviews (
    id serial PRIMARY KEY, product_id integer REFERENCES products (id), user_id integer REFERENCES users (id),
    rating integer, body text, created_at timestamp DEFAULT now()
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
CREATE TABLE refunds (id serial PRIMARY KEY, payment_id integer REFERENCES payments (id), amount real, reason varchar(255));
CREATE TABLE shipments (id serial PRIMARY KEY, order_id bigint REFERENCES orders (id), carrier varchar(255), shipped_at timestamp);
CREATE TABLE carts (id serial PRIMARY KEY, user_id integer REFERENCES users (id), updated_at timestamp DEFAULT now());
CREATE TABLE cart_items (id serial PRIMARY KEY, cart_id integer REFERENCES carts (id), product_id integer REFERENCES products (id), quantity integer);
CREATE TABLE coupons (code varchar(255) PRIMARY KEY, percent real, valid_from date, valid_to date);
CREATE TABLE coupon_uses (coupon_code varchar(100) REFERENCES coupons (code), order_id integer REFERENCES orders (id), used_at timestamp);
CREATE TABLE inventory (product_id integer REFERENCES products (id), warehouse text, quantity integer);  -- no key at all
CREATE TABLE events (id serial PRIMARY KEY, user_id integer, kind text, payload json, created_at timestamp DEFAULT now());
CREATE TABLE jobs (id serial PRIMARY KEY, kind text, status text DEFAULT 'pending', payload json, run_at timestamp DEFAULT now());
CREATE TABLE sessions (token text PRIMARY KEY, user_id integer REFERENCES users (id), ip_address text, expires_at text);
CREATE TABLE audit_log (at timestamp DEFAULT now(), who text, what text);                                -- no key at all
CREATE UNLOGGED TABLE search_cache (term text PRIMARY KEY, hits json);
CREATE TABLE settings (name text, value text);
CREATE TABLE newsletter (id smallint, email text, user_ref regproc);
