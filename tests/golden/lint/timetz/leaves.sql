CREATE TABLE t (id bigint PRIMARY KEY, opens time, seen timestamptz);
