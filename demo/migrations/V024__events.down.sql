-- The way back from V024__events.sql.
-- pgkeep:loses public.events: every event, with its partitions
DROP TABLE events;
