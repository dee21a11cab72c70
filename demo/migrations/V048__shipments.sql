-- Where a parcel is.
CREATE TABLE shipments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id bigint NOT NULL REFERENCES orders (id),
    carrier text NOT NULL DEFAULT 'post',
    shipped_on date NOT NULL
);
CREATE INDEX shipments_order_id ON shipments (order_id);
INSERT INTO shipments (id, order_id, shipped_on) OVERRIDING SYSTEM VALUE
SELECT i, i, date '2024-01-03' + i % 200 FROM generate_series(1, sample_rows(1000)) AS i;
SELECT setval(pg_get_serial_sequence('shipments', 'id'), (SELECT max(id) FROM shipments));
