CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL, deleted_at timestamptz);
CREATE UNIQUE INDEX ON users (email) WHERE deleted_at IS NULL;
CREATE TABLE logins (id bigint PRIMARY KEY, name text NOT NULL UNIQUE, created_at timestamptz);
