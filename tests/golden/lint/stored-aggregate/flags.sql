CREATE TABLE users (id bigint PRIMARY KEY, total_sales numeric(12,2));
ALTER TABLE users ADD COLUMN total_orders int;
