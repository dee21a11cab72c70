CREATE TABLE t (id bigint PRIMARY KEY, scores int[], tag_ids text, ids jsonb);
