CREATE TABLE t (id bigint PRIMARY KEY, json jsonb);
SELECT json_agg(id) FROM t;
