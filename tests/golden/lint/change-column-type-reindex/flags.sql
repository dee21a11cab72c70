-- database: shop.json
SET timezone = 'UTC';
ALTER TABLE orders ALTER COLUMN placed TYPE timestamptz;
ALTER TABLE orders ALTER COLUMN body TYPE text COLLATE "C";
