CREATE TABLE t (id bigint PRIMARY KEY, created_at timestamptz NOT NULL, day date, seen timestamp with time zone);
SELECT now()::timestamp;
