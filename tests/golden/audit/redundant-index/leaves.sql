-- Unique, another order, a narrower predicate, another second column first, and a wide one that is too large a stand-in.
CREATE TABLE posts (id bigint PRIMARY KEY, author_id bigint, created_at timestamptz, title text, slug text NOT NULL UNIQUE, body text);
CREATE INDEX ON posts (slug, created_at);
CREATE INDEX ON posts (created_at DESC);
CREATE INDEX ON posts (created_at, author_id);
CREATE INDEX ON posts (author_id);
CREATE INDEX ON posts (author_id, title) WHERE title IS NOT NULL;
CREATE INDEX posts_title ON posts (title) WITH (deduplicate_items = on);
CREATE INDEX posts_title_body ON posts (title, body);
INSERT INTO posts SELECT g, g, now(), 'same', 's' || g, repeat(md5(g::text), 10) FROM generate_series(1, 5000) g;
VACUUM ANALYZE posts;
