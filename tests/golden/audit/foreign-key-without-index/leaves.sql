CREATE TABLE users (tenant_id bigint, id bigint, PRIMARY KEY (tenant_id, id), UNIQUE (id));
INSERT INTO users SELECT 1, g FROM generate_series(1, 1500) g;
-- Any order of the leading columns, the primary key, a partial index without the NULLs, hash, GiST-free.
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint, tenant_id bigint, placed_at date,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users ON DELETE CASCADE);
CREATE INDEX orders_owner ON orders (user_id, tenant_id, placed_at DESC);
CREATE TABLE profiles (user_id bigint PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE);
CREATE TABLE notes (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id) ON DELETE CASCADE);
CREATE INDEX notes_user ON notes (user_id) WHERE user_id IS NOT NULL;
CREATE TABLE sessions (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id) ON DELETE CASCADE);
CREATE INDEX sessions_user ON sessions USING hash (user_id);
-- Partitions that have their own indexes, and a partitioned index.
CREATE TABLE events (at date NOT NULL, user_id bigint REFERENCES users (id) ON DELETE CASCADE) PARTITION BY RANGE (at);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX ON events_2025 (user_id);
CREATE INDEX ON events_2026 (user_id);
CREATE TABLE visits (at date NOT NULL, user_id bigint REFERENCES users (id) ON DELETE CASCADE) PARTITION BY RANGE (at);
CREATE TABLE visits_2026 PARTITION OF visits FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX ON visits (user_id);
INSERT INTO orders SELECT g, g, 1 FROM generate_series(1, 1500) g;
INSERT INTO notes SELECT g, g FROM generate_series(1, 1500) g;
INSERT INTO sessions SELECT g, g FROM generate_series(1, 1500) g;
INSERT INTO events SELECT '2026-05-01', g FROM generate_series(1, 1500) g;
INSERT INTO visits SELECT '2026-05-01', g FROM generate_series(1, 1500) g;
ANALYZE;
