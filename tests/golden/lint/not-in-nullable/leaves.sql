CREATE TABLE posts (id bigint PRIMARY KEY, author_id bigint, editor_id bigint NOT NULL);
SELECT id FROM users WHERE id NOT IN (SELECT editor_id FROM posts);
SELECT id FROM users WHERE id NOT IN (SELECT author_id FROM posts WHERE author_id IS NOT NULL);
SELECT id FROM users WHERE id NOT IN (SELECT author_id FROM posts WHERE author_id > 5);
SELECT id FROM users WHERE id IN (SELECT author_id FROM posts);
SELECT id FROM users WHERE id NOT IN (SELECT id FROM gone);
SELECT id FROM users WHERE id NOT IN (1, 2);
SELECT u.id FROM users u WHERE NOT EXISTS (SELECT FROM posts p WHERE p.author_id = u.id);
