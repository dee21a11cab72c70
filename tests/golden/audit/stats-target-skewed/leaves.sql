CREATE TABLE seats (hall integer NOT NULL, seat integer NOT NULL, UNIQUE (hall, seat));
INSERT INTO seats SELECT g / 5, g % 5 FROM generate_series(0, 9999) g;
ANALYZE seats;
