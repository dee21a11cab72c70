-- Serial with a child; smallint identity; a bigint key whose child ends sooner; a view in the way; a sequence alone.
CREATE TABLE orders (id serial PRIMARY KEY);
CREATE TABLE order_items (id bigint PRIMARY KEY, order_id integer REFERENCES orders (id));
SELECT setval('orders_id_seq', 2000000000);
INSERT INTO orders DEFAULT VALUES;
INSERT INTO order_items VALUES (1, 2000000001);
CREATE TABLE ratings (id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
SELECT setval('ratings_id_seq', 26000);
CREATE TABLE clicks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
CREATE TABLE visits (id bigint PRIMARY KEY, click_id integer REFERENCES clicks (id));
SELECT setval('clicks_id_seq', 2147483000);
CREATE TABLE shown (id serial PRIMARY KEY);
SELECT setval('shown_id_seq', 2147483000);
CREATE VIEW shown_ids AS SELECT id FROM shown;
CREATE SEQUENCE tickets MAXVALUE 100;
SELECT setval('tickets', 80);
