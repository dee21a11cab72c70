-- database: shop.json
ALTER TABLE orders ALTER COLUMN small SET NOT NULL;
