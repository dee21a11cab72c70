CREATE TABLE t (id bigint PRIMARY KEY, opens timetz, closes time with time zone);
