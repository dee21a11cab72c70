-- What is in an order, at the price of that day.
CREATE TABLE order_items (
    order_id bigint NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
    line integer NOT NULL,
    product_id bigint NOT NULL REFERENCES products (id),
    quantity integer NOT NULL CHECK (quantity > 0),
    price_cents bigint NOT NULL,
    PRIMARY KEY (order_id, line)
);
INSERT INTO order_items (order_id, line, product_id, quantity, price_cents)
SELECT 1 + i / 2, 1 + i % 2, 1 + i * 31 % sample_rows(1000), 1 + i % 4, 100 + i % 5000
FROM generate_series(0, 2 * sample_rows(4000) - 1) AS i;
