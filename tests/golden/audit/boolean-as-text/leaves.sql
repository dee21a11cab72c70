CREATE TABLE users (id bigint PRIMARY KEY, is_admin boolean, active text, issue text);
INSERT INTO users SELECT g, true, 'since ' || g, 'none' FROM generate_series(1, 500) g;
ANALYZE;
