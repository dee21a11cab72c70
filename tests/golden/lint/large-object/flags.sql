CREATE TABLE t (id bigint PRIMARY KEY, picture lo);
