CREATE TABLE t (id bigint PRIMARY KEY, active boolean);
