-- Fresh indexes, with duplicates, nulls, INCLUDE and a low fillfactor; partial and expression indexes have no model.
CREATE TABLE events (id bigint NOT NULL, kind integer NOT NULL, note text, amount numeric(12, 2));
INSERT INTO events SELECT g, g % 50, CASE WHEN g % 3 = 0 THEN 'n' || g % 1000 END, g FROM generate_series(1, 60000) g;
CREATE INDEX events_id_idx ON events (id);
CREATE INDEX events_kind_idx ON events (kind);
CREATE INDEX events_note_idx ON events (note);
CREATE INDEX events_pair_idx ON events (kind, id) INCLUDE (amount);
CREATE INDEX events_amount_idx ON events (amount) WITH (fillfactor = 50);
CREATE INDEX events_lower_idx ON events (lower(note));
CREATE INDEX events_some_idx ON events (id) WHERE kind = 3;
VACUUM ANALYZE events;
