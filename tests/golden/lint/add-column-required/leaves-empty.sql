-- database: shop.json
ALTER TABLE spare ADD COLUMN kind text NOT NULL;
