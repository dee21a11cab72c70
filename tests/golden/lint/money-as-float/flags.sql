CREATE TABLE orders (id bigint PRIMARY KEY, unit_price double precision, "orderTotal" real, qty real);
ALTER TABLE payments ADD COLUMN fee float;
ALTER TABLE payments ALTER COLUMN amount TYPE float8;
