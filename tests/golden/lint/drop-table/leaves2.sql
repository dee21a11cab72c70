-- database: shop.json
-- Known to be empty.
DROP TABLE spare;
