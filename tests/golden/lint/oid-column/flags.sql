CREATE TABLE t (id bigint PRIMARY KEY, ref oid);
