CREATE TABLE t (id bigint PRIMARY KEY, is_active text, has_children varchar(5), is_admin smallint);
