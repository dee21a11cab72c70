CREATE TABLE posts (id bigint PRIMARY KEY, author_id bigint, code text UNIQUE);
CREATE INDEX one ON posts (author_id);
CREATE INDEX two ON posts (author_id);
CREATE INDEX three ON posts (code);
CREATE UNIQUE INDEX four ON posts (id);
