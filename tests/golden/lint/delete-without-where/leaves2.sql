-- database: shop.json
DELETE FROM spare;
