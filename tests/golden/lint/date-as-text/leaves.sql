CREATE TABLE t (id bigint PRIMARY KEY, created_at timestamptz, what_at_all text, at text, dated_by text);
