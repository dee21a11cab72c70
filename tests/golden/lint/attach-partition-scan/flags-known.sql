-- database: shop.json
CREATE TABLE events_2 (day date);
ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
