CREATE TABLE posts (id bigint PRIMARY KEY, author_id bigint, created_at timestamptz);
CREATE INDEX idx_posts_author_id ON posts (author_id);
CREATE INDEX idx_posts_author_created ON posts (author_id, created_at);
CREATE TABLE members (user_id bigint, group_id bigint, PRIMARY KEY (user_id, group_id));
CREATE INDEX members_user ON members (user_id);
