-- Money that came in. One integer of cents is enough for a while.
CREATE TABLE payments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders (id),
    amount_cents integer NOT NULL,
    method text NOT NULL DEFAULT 'card',
    paid_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX payments_order_id ON payments (order_id);
INSERT INTO payments (id, order_id, amount_cents, method, paid_at) OVERRIDING SYSTEM VALUE
SELECT i, i, 200 + i % 90000, CASE WHEN i % 5 = 0 THEN 'transfer' ELSE 'card' END,
       timestamptz '2024-01-02 00:00+00' + i * interval '4 minutes'
FROM generate_series(1, sample_rows(3000)) AS i;
SELECT setval(pg_get_serial_sequence('payments', 'id'), (SELECT max(id) FROM payments));
