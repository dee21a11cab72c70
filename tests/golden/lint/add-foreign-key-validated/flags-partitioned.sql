-- database: shop.json
ALTER TABLE events ADD FOREIGN KEY (day) REFERENCES days (day);
