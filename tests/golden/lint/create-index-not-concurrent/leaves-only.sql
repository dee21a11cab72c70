CREATE INDEX events_day ON ONLY events (day);
