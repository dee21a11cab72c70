CREATE TABLE orders (id bigint);
ALTER TABLE orders ADD COLUMN a int;
DROP TABLE orders;
CREATE INDEX ON posts (id);
