CREATE TABLE posts (id bigint PRIMARY KEY, author_id bigint, created_at timestamptz, title text);
CREATE INDEX idx_posts_author_id ON posts (author_id);
CREATE INDEX posts_author_created ON posts (author_id, created_at);
CREATE INDEX posts_title ON posts (title) INCLUDE (author_id) WHERE author_id > 0;
CREATE INDEX posts_title_author ON posts (title, author_id) WHERE author_id > 0;
