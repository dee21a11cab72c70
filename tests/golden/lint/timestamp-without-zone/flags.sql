CREATE TABLE t (id bigint PRIMARY KEY, created_at timestamp NOT NULL, seen timestamp(3));
ALTER TABLE users ADD COLUMN last_login TIMESTAMP;
