CREATE TABLE t (id bigint PRIMARY KEY, created_at timestamptz(3), seen_at timestamptz);
