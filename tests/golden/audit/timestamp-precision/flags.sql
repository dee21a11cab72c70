CREATE TABLE events (id bigint PRIMARY KEY, at timestamptz(0));
INSERT INTO events VALUES (1, now());
