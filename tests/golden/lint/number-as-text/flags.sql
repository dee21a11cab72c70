CREATE TABLE t (id bigint PRIMARY KEY, price text, item_count varchar(10), age text);
