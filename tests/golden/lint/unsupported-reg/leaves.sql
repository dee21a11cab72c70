CREATE TABLE t (id bigint PRIMARY KEY, f regclass, s regtype, r regrole);
