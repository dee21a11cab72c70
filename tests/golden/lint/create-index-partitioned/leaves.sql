-- database: shop.json
CREATE INDEX events_day ON ONLY events (day);
CREATE INDEX CONCURRENTLY events_1_day ON events_1 (day);
CREATE TABLE days (day date) PARTITION BY RANGE (day);
CREATE INDEX ON days (day);
