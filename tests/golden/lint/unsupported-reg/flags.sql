CREATE TABLE t (id bigint PRIMARY KEY, f regproc, s regnamespace);
