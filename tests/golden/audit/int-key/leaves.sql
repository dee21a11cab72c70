-- bigint; an integer key that nothing counts up; one so far on that sequence-overflow speaks of it.
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
CREATE TABLE months (number integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE orders (id serial PRIMARY KEY);
SELECT setval('orders_id_seq', 2000000000);
