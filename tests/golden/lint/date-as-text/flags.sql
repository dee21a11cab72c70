CREATE TABLE t (id bigint PRIMARY KEY, created_at text, start_date varchar(20));
