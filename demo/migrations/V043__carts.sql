-- What people put aside. Carts without an owner die young, so the table is not logged.
CREATE TABLE carts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint REFERENCES users (id) ON DELETE CASCADE,
    updated_on date NOT NULL
);
CREATE INDEX carts_user_id ON carts (user_id);
CREATE TABLE cart_items (
    cart_id bigint NOT NULL REFERENCES carts (id) ON DELETE CASCADE,
    product_id bigint NOT NULL REFERENCES products (id),
    quantity integer NOT NULL,
    PRIMARY KEY (cart_id, product_id)
);
CREATE INDEX cart_items_product_id ON cart_items (product_id);
INSERT INTO carts (id, user_id, updated_on) OVERRIDING SYSTEM VALUE
SELECT i, CASE WHEN i % 2 = 0 THEN 1 + i % sample_rows(2000) END, date '2024-01-01' + i % 300 FROM generate_series(1, sample_rows(2000)) AS i;
SELECT setval(pg_get_serial_sequence('carts', 'id'), (SELECT max(id) FROM carts));
INSERT INTO cart_items (cart_id, product_id, quantity)
SELECT i, 1 + i % sample_rows(1000), 1 + i % 3 FROM generate_series(1, sample_rows(2000)) AS i;
