CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE posts (id bigint PRIMARY KEY, author_id bigint NOT NULL REFERENCES users(id) ON DELETE CASCADE,
                    editor_id bigint REFERENCES users, kind text);
CREATE INDEX posts_kind_author ON posts (kind, author_id);
CREATE INDEX posts_editor_new ON posts (editor_id) WHERE kind = 'new';
ALTER TABLE old_table ADD COLUMN owner_id bigint REFERENCES users(id);
ALTER TABLE old_table ADD CONSTRAINT old_user FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;
CREATE TABLE pairs (id bigint PRIMARY KEY, a bigint, b bigint, FOREIGN KEY (a, b) REFERENCES two (a, b));
CREATE INDEX ON pairs (a);
