-- database: shop.json
CREATE INDEX spare_id ON ONLY orders (id);
