-- database: shop.json
DROP TABLE people CASCADE;
DROP TABLE orders CASCADE;
