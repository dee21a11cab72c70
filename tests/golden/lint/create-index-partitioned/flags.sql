-- database: shop.json
CREATE INDEX events_day ON events (day);
CREATE INDEX CONCURRENTLY logs_day ON logs (day);
