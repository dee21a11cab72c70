-- The tax office wants numbers without an order's own number in them.
CREATE SEQUENCE invoice_numbers AS bigint START 100000;
CREATE TABLE invoices (
    number bigint PRIMARY KEY DEFAULT nextval('invoice_numbers'),
    order_id bigint NOT NULL REFERENCES orders (id),
    issued_on date NOT NULL
);
ALTER SEQUENCE invoice_numbers OWNED BY invoices.number;
CREATE INDEX invoices_order_id ON invoices (order_id);
INSERT INTO invoices (number, order_id, issued_on)
SELECT 100000 + i, i, date '2024-01-02' + i % 200 FROM generate_series(1, sample_rows(1000)) AS i;
SELECT setval('invoice_numbers', (SELECT max(number) FROM invoices));
