CREATE TABLE t (id bigint PRIMARY KEY, body text, raw_json jsonb, jsonpath text);
