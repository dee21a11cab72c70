CREATE TABLE logins (id bigint PRIMARY KEY, ip inet, address text);
INSERT INTO logins SELECT g, '10.0.0.1', 'Street ' || g FROM generate_series(1, 500) g;
ANALYZE;
