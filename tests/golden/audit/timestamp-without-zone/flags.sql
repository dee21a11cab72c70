CREATE TABLE events (id bigint PRIMARY KEY, at timestamp DEFAULT now(), seen timestamp(0));
CREATE INDEX ON events (at);
-- date() of a timestamptz depends on the zone, so the index could not stay.
CREATE INDEX ON events (date(seen));
INSERT INTO events VALUES (1);
CREATE TABLE log (at timestamp NOT NULL, id bigint) PARTITION BY HASH (id);
CREATE TABLE log_0 PARTITION OF log FOR VALUES WITH (MODULUS 1, REMAINDER 0);
