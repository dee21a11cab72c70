CREATE TABLE users (id bigint PRIMARY KEY, username text);
CREATE TABLE posts (id bigint PRIMARY KEY, author_id bigint REFERENCES users (uid), title text);
SELECT posts.title, users.name FROM posts JOIN users ON users.id = posts.author_id;
CREATE INDEX posts_created ON posts (created_at);
INSERT INTO posts (id, titel) VALUES (1, 'x');
UPDATE posts SET titel = 'x' WHERE idd = 1;
SELECT p.id FROM posts p WHERE EXISTS (SELECT FROM users u WHERE u.id = p.autor_id);
