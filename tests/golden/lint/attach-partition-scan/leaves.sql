CREATE TABLE events_new (day date);
ALTER TABLE events ATTACH PARTITION events_new FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
ALTER INDEX events_day ATTACH PARTITION events_new_day;
