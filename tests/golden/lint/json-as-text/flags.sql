CREATE TABLE t (id bigint PRIMARY KEY, json text, raw_json varchar);
