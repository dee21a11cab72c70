-- database: shop.json
ALTER TABLE orders ALTER COLUMN checked TYPE varchar(40);
