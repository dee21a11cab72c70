CREATE TABLE orders (id bigint PRIMARY KEY, amount integer);
ALTER TABLE orders SET ACCESS METHOD columnar;
CREATE TABLE notes (id bigint) USING columnar;
