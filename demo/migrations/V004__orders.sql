-- Somebody buys.
CREATE TABLE orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users (id),
    status text NOT NULL DEFAULT 'new',
    note text,
    placed_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO orders (id, user_id, status, placed_at) OVERRIDING SYSTEM VALUE
SELECT i, 1 + i * 13 % sample_rows(2000), (ARRAY['new', 'paid', 'shipped', 'done'])[1 + i % 4],
       timestamptz '2024-01-01 00:00+00' + i * interval '4 minutes'
FROM generate_series(1, sample_rows(4000)) AS i;
SELECT setval(pg_get_serial_sequence('orders', 'id'), (SELECT max(id) FROM orders));
