CREATE TABLE t (id bigint PRIMARY KEY, tag_ids bigint[], user_ids uuid[]);
