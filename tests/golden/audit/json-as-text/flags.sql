CREATE TABLE events (id bigint PRIMARY KEY, payload text);
INSERT INTO events SELECT g, '{"page": ' || g || '}' FROM generate_series(1, 500) g;
ANALYZE;
