CREATE TABLE t (id bigint PRIMARY KEY, picture bytea, lo text);
