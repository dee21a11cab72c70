DROP INDEX CONCURRENTLY orders_user_id;
CREATE TABLE posts (id bigint);
CREATE INDEX posts_id ON posts (id);
DROP INDEX posts_id;
