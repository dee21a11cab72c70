CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL, deleted_at timestamptz, UNIQUE (email, deleted_at));
CREATE UNIQUE INDEX users_email ON users (email) WHERE deleted_at IS NULL;
CREATE TABLE keys (id bigint PRIMARY KEY, code text NOT NULL UNIQUE, deleted_at timestamptz);
CREATE TABLE uses (id bigint PRIMARY KEY, code text REFERENCES keys (code));
CREATE TABLE flags (id bigint PRIMARY KEY, email text UNIQUE, deleted_at timestamptz NOT NULL DEFAULT 'infinity');
