-- database: shop.json
CREATE INDEX ON spare (id);
CREATE INDEX events_day ON ONLY events (day);
