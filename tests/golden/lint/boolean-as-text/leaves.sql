CREATE TABLE t (id bigint PRIMARY KEY, is_active boolean, issue text, hash text, island integer, is_seen_at timestamptz);
