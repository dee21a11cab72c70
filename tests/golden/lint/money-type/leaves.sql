CREATE TABLE t (id bigint PRIMARY KEY, money numeric(12,2));
