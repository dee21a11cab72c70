-- A key of two columns over 10,000 rows, and an estimate that allows 200 pairs.
CREATE TABLE seats (hall integer NOT NULL, seat integer NOT NULL, UNIQUE (hall, seat));
INSERT INTO seats SELECT g / 5, g % 5 FROM generate_series(0, 9999) g;
ALTER TABLE seats ALTER COLUMN hall SET (n_distinct = 40);
ANALYZE seats;
