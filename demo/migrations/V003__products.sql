-- What the shop sells, in a tree of categories.
CREATE TABLE categories (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parent_id bigint REFERENCES categories (id),
    name text NOT NULL
);
CREATE INDEX categories_parent_id ON categories (parent_id);
CREATE TABLE products (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    category_id bigint NOT NULL REFERENCES categories (id),
    sku text NOT NULL,
    name text NOT NULL,
    price_cents bigint NOT NULL CHECK (price_cents >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT products_sku_key UNIQUE (sku)
);
CREATE INDEX products_category_id ON products (category_id);
INSERT INTO categories (id, parent_id, name) OVERRIDING SYSTEM VALUE
SELECT i, CASE WHEN i > 10 THEN 1 + i % 10 END, 'Category ' || i FROM generate_series(1, 100) AS i;
SELECT setval(pg_get_serial_sequence('categories', 'id'), (SELECT max(id) FROM categories));
INSERT INTO products (id, category_id, sku, name, price_cents, created_at) OVERRIDING SYSTEM VALUE
SELECT i, 1 + i % 100, 'SKU' || i, 'Product ' || i, 100 + i * 7 % 9000, timestamptz '2023-01-01 00:00+00' + i * interval '1 hour'
FROM generate_series(1, sample_rows(1000)) AS i;
SELECT setval(pg_get_serial_sequence('products', 'id'), (SELECT max(id) FROM products));
