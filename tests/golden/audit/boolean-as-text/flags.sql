CREATE TABLE users (id bigint PRIMARY KEY, is_admin text, enabled text);
INSERT INTO users SELECT g, 'true', CASE WHEN g % 3 = 0 THEN 'no' ELSE 'yes' END FROM generate_series(1, 500) g;
ANALYZE;
