-- Many values; a foreign key's index; a small table.
CREATE TABLE kinds (id bigint PRIMARY KEY);
INSERT INTO kinds VALUES (1), (2);
CREATE TABLE users (id bigint PRIMARY KEY, city text, kind_id bigint REFERENCES kinds (id));
INSERT INTO users SELECT g, 'city ' || g % 300, 1 + g % 2 FROM generate_series(1, 2000) g;
CREATE INDEX users_city ON users (city);
CREATE INDEX users_kind ON users (kind_id);
CREATE TABLE small (id bigint PRIMARY KEY, x text);
INSERT INTO small SELECT g, 'a' FROM generate_series(1, 50) g;
CREATE INDEX ON small (x);
ANALYZE;
