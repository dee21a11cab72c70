-- database: shop.json
-- The foreign key locks people too.
DROP TABLE orders;
