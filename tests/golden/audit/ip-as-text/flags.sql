CREATE TABLE logins (id bigint PRIMARY KEY, ip_address text);
INSERT INTO logins SELECT g, '10.0.' || g % 250 || '.7' FROM generate_series(1, 500) g;
ANALYZE;
