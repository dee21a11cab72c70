CREATE TABLE orders (id bigint PRIMARY KEY, number text, note text, user_id bigint);
INSERT INTO orders SELECT g, 'n' || g, 'note', g FROM generate_series(1, 100) g;
CREATE UNIQUE INDEX orders_number ON orders (number);
CREATE INDEX orders_note ON orders (note);
-- What an interrupted REINDEX leaves, and a second attempt beside the first.
CREATE INDEX orders_user ON orders (user_id);
CREATE INDEX orders_user_ccnew ON orders (user_id);
CREATE INDEX orders_twice ON orders (user_id);
UPDATE pg_index SET indisvalid = false
WHERE indexrelid IN ('orders_number'::regclass, 'orders_note'::regclass, 'orders_user_ccnew'::regclass, 'orders_twice'::regclass);
