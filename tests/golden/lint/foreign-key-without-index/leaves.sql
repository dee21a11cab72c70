CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE posts (id bigint PRIMARY KEY, author_id bigint NOT NULL REFERENCES users(id),
                    editor_id bigint REFERENCES users, code_id bigint UNIQUE REFERENCES codes (id));
CREATE INDEX posts_author_id_created ON posts (author_id, id);
CREATE INDEX posts_editor ON posts (editor_id) WHERE editor_id IS NOT NULL;
CREATE TABLE members (user_id bigint REFERENCES users, group_id bigint REFERENCES groups, PRIMARY KEY (user_id, group_id));
CREATE INDEX members_group ON members USING hash (group_id);
CREATE TABLE pairs (id bigint PRIMARY KEY, a bigint, b bigint, FOREIGN KEY (a, b) REFERENCES two (a, b));
CREATE INDEX ON pairs (b, a, id);
CREATE TEMP TABLE scratch (user_id bigint REFERENCES users);
CREATE TABLE gone (user_id bigint REFERENCES users);
DROP TABLE gone;
