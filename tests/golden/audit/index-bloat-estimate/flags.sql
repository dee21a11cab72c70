-- What is deleted stays in the pages of the index, one entry in five.
CREATE TABLE events (id bigint NOT NULL, kind integer NOT NULL) WITH (autovacuum_enabled = off);
INSERT INTO events SELECT g, g % 50 FROM generate_series(1, 60000) g;
CREATE INDEX events_id_idx ON events (id);
CREATE INDEX events_kind_idx ON events (kind);
DELETE FROM events WHERE id % 5 <> 0;
VACUUM ANALYZE events;
