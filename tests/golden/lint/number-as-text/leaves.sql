CREATE TABLE t (id bigint PRIMARY KEY, price numeric(12,2), size text, page text, counter_name text, account text);
