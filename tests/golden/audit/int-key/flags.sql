-- A serial key with a child, a smallint identity, and a key that a view holds fast.
CREATE TABLE payments (id serial PRIMARY KEY, amount_cents integer);
INSERT INTO payments (amount_cents) SELECT g FROM generate_series(1, 10) g;
CREATE TABLE refunds (payment_id integer PRIMARY KEY REFERENCES payments (id));
INSERT INTO refunds SELECT id FROM payments;
CREATE TABLE ratings (id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
INSERT INTO ratings DEFAULT VALUES;
CREATE TABLE shown (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
CREATE VIEW shown_ids AS SELECT id FROM shown;
