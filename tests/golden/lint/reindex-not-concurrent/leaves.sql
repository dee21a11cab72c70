REINDEX INDEX CONCURRENTLY orders_user_id;
REINDEX (CONCURRENTLY) TABLE orders;
CREATE TABLE posts (id bigint);
CREATE INDEX posts_id ON posts (id);
REINDEX INDEX posts_id;
REINDEX TABLE posts;
