-- database: shop.json
ALTER TABLE orders DROP COLUMN note;
ALTER TABLE people RENAME COLUMN status TO state;
DROP TABLE spare;
ALTER TABLE shop.orders DROP COLUMN status;
