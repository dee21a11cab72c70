-- database: shop.json
DROP INDEX orders_placed;
