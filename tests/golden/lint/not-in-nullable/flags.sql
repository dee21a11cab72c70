CREATE TABLE posts (id bigint PRIMARY KEY, author_id bigint, editor_id bigint NOT NULL);
SELECT id FROM users WHERE id NOT IN (SELECT author_id FROM posts);
DELETE FROM users WHERE id <> ALL (SELECT user_id FROM visits);
