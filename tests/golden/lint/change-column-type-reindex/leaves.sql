-- database: shop.json
ALTER TABLE orders ALTER COLUMN seen TYPE timestamptz;
ALTER TABLE orders ALTER COLUMN short_name TYPE text COLLATE "C";
ALTER TABLE orders ALTER COLUMN body TYPE varchar;
ALTER TABLE orders ALTER COLUMN small TYPE bigint;
