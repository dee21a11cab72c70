-- database: shop.json
ALTER TABLE orders ADD CONSTRAINT orders_key PRIMARY KEY USING INDEX orders_small_key;
