CREATE TABLE orders (id bigint PRIMARY KEY, state text NOT NULL, note text);
CREATE INDEX orders_state ON orders (state);
SELECT id FROM orders WHERE state = 'new' AND note <> 'x';
SELECT id FROM orders WHERE note <> 'x';
