-- database: shop.json
ALTER TABLE orders ALTER COLUMN short_name TYPE varchar(40);
ALTER TABLE orders ALTER COLUMN small TYPE bigint;
