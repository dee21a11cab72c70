-- database: shop.json
ALTER TABLE orders ALTER COLUMN small TYPE bigint;
ALTER TABLE orders ALTER COLUMN pinned SET DEFAULT 1;
ALTER TABLE spare ALTER COLUMN id TYPE bigint;
