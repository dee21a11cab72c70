-- database: shop.json
ALTER INDEX orders_pkey RENAME TO orders_key;
ALTER INDEX orders_by_status RENAME TO orders_status;
CREATE TABLE t (a int CONSTRAINT c CHECK (a > 0));
ALTER TABLE t RENAME CONSTRAINT c TO d;
ALTER TABLE orders RENAME COLUMN status TO state;
