-- A short list of codes is what a text key is good for.
CREATE TABLE currencies (code text PRIMARY KEY, name text NOT NULL);
INSERT INTO currencies SELECT 'C' || g, 'Currency' FROM generate_series(1, 150) g;
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text NOT NULL UNIQUE);
INSERT INTO orders (code) SELECT 'O' || g FROM generate_series(1, 2000) g;
ANALYZE;
