-- database: shop.json
DROP INDEX spare_id;
