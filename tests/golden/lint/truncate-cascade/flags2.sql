-- database: shop.json
TRUNCATE people CASCADE;
