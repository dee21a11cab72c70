CREATE TABLE orders (id bigint PRIMARY KEY, amount integer);
ALTER TABLE orders SET TABLESPACE fast;
CREATE TABLE notes (id bigint) TABLESPACE fast;
