CREATE TABLE orders (id bigint PRIMARY KEY, number text UNIQUE);
-- Of a partitioned table: invalid-partitioned-index speaks of it.
CREATE TABLE events (at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX events_at ON ONLY events (at);
