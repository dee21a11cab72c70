-- Alike, but not the same.
CREATE TABLE orders (id bigint PRIMARY KEY, number text, user_id bigint, placed_at timestamptz);
CREATE INDEX ON orders (number);
CREATE INDEX ON orders (number text_pattern_ops);
CREATE INDEX ON orders (number COLLATE "C");
CREATE INDEX ON orders (placed_at);
CREATE INDEX ON orders (placed_at DESC);
CREATE INDEX ON orders (placed_at) INCLUDE (number);
CREATE INDEX ON orders USING hash (number);
CREATE INDEX ON orders (user_id) WHERE user_id > 0;
CREATE INDEX ON orders (user_id) WHERE user_id > 1;
CREATE INDEX ON orders (lower(number));
CREATE INDEX ON orders (upper(number));
-- Both are needed: one by the key, one by a foreign key, one as replica identity.
CREATE TABLE a (id bigint NOT NULL, n bigint NOT NULL);
CREATE UNIQUE INDEX a_for_b ON a (id);
CREATE TABLE b (a_id bigint REFERENCES a (id));
ALTER TABLE a ADD PRIMARY KEY (id);
CREATE UNIQUE INDEX a_n ON a (n);
CREATE UNIQUE INDEX a_identity ON a (n);
ALTER TABLE a REPLICA IDENTITY USING INDEX a_identity;
ALTER TABLE a ADD CONSTRAINT a_n_key UNIQUE USING INDEX a_n;
