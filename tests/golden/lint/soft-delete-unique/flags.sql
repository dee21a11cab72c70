CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL UNIQUE, deleted_at timestamptz);
CREATE TABLE tags (id bigint PRIMARY KEY, name text NOT NULL, kind text, archived_at timestamp);
CREATE UNIQUE INDEX tags_name ON tags (name, kind);
