CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, password_hash text NOT NULL, nickname text);
INSERT INTO users (password_hash, nickname) SELECT '$2b$12$' || left(repeat(md5((n % 7)::text), 2), 53), 'joe' FROM generate_series(1, 100) n;
CREATE TABLE vault (id bigint PRIMARY KEY, secret bytea NOT NULL);
ANALYZE;
