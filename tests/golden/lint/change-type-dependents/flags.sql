-- database: shop.json
ALTER TABLE orders ALTER COLUMN pinned TYPE bigint;
