CREATE TABLE events (id bigint PRIMARY KEY, payload jsonb, data text);
INSERT INTO events SELECT g, '{}', 'line ' || g FROM generate_series(1, 500) g;
ANALYZE;
