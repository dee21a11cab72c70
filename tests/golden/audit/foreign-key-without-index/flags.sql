CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
INSERT INTO users SELECT FROM generate_series(1, 1500);
-- No index; a name that is taken; the second key over the same column is said once.
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE);
ALTER TABLE orders ADD CONSTRAINT orders_user_again FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE;
INSERT INTO orders SELECT g, g FROM generate_series(1, 1500) g;
CREATE TABLE orders_user_id_idx (id bigint PRIMARY KEY);
-- Partitioned: built on each partition, one of which has its index already.
CREATE TABLE events (at date NOT NULL, user_id bigint REFERENCES users (id) ON DELETE SET NULL) PARTITION BY RANGE (at);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY LIST (user_id);
CREATE TABLE events_2026_rest PARTITION OF events_2026 DEFAULT;
CREATE INDEX events_2025_own ON events_2025 (user_id);
INSERT INTO events SELECT '2026-05-01', g FROM generate_series(1, 1500) g;
-- An index that is there and invalid.
CREATE TABLE carts (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id) ON DELETE CASCADE);
INSERT INTO carts SELECT g, g FROM generate_series(1, 1500) g;
CREATE INDEX carts_user ON carts (user_id);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'carts_user'::regclass;
-- Small.
CREATE TABLE notes (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id) ON DELETE CASCADE);
ANALYZE;
