CREATE TABLE orders (id bigint PRIMARY KEY, state text NOT NULL);
CREATE INDEX orders_state ON orders (state);
SELECT id FROM orders WHERE state <> 'done';
SELECT id FROM orders WHERE state NOT IN ('done', 'gone');
