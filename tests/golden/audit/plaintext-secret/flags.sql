CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, password text NOT NULL);
INSERT INTO users (password) SELECT 'hunter' || (n % 7) FROM generate_series(1, 100) n;
CREATE TABLE sessions (id bigint NOT NULL, api_token text NOT NULL) PARTITION BY HASH (id);
CREATE TABLE sessions_0 PARTITION OF sessions FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE sessions_1 PARTITION OF sessions FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO sessions SELECT n, 'open sesame ' || (n % 5) FROM generate_series(1, 100) n;
ANALYZE users, sessions_0, sessions_1;
