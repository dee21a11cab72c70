-- database: shop.json
ALTER TABLE orders ADD CONSTRAINT orders_key PRIMARY KEY USING INDEX orders_required_key;
ALTER TABLE elsewhere ADD CONSTRAINT k PRIMARY KEY USING INDEX not_known;
