CREATE TABLE t (id oidvector, ref bigint, rel regclass);
