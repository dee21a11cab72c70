CREATE TABLE items (id bigint PRIMARY KEY, quantity varchar(10));
INSERT INTO items SELECT g, (g % 40)::text FROM generate_series(1, 500) g;
ANALYZE;
