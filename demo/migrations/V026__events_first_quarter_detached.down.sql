-- The way back from V026__events_first_quarter_detached.sql. Detaching left a check behind that says the range.
ALTER TABLE events ATTACH PARTITION events_2024_q1 FOR VALUES FROM ('2024-01-01 00:00+00') TO ('2024-04-01 00:00+00');
