-- The way back from V025__events_third_quarter.sql.
ALTER TABLE events DETACH PARTITION events_2024_q3 CONCURRENTLY;
-- pgkeep:loses public.events_2024_q3: the events of that summer
DROP TABLE events_2024_q3;
