-- database: shop.json
ALTER TABLE orders DROP COLUMN status;
ALTER TABLE orders RENAME COLUMN author_id TO user_id;
DROP TABLE people;
ALTER TABLE orders RENAME TO purchases;
