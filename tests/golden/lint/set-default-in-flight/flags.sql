-- database: shop.json
ALTER TABLE orders ALTER COLUMN status SET DEFAULT 'new';
