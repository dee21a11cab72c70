-- database: shop.json
ALTER TABLE events ADD UNIQUE (day);
