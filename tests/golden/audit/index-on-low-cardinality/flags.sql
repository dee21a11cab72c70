CREATE TABLE users (id bigint PRIMARY KEY, sex text);
INSERT INTO users SELECT g, CASE WHEN g % 2 = 0 THEN 'f' ELSE 'm' END FROM generate_series(1, 2000) g;
CREATE INDEX users_sex ON users (sex);
ANALYZE users;
