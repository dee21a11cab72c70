-- database: shop.json
ALTER TABLE orders DROP COLUMN status;
ALTER TABLE people DROP COLUMN id;
ALTER TABLE people DROP COLUMN id CASCADE;
