-- database: shop.json
ALTER TABLE events DETACH PARTITION events_1;
