-- path: db/change.sql
CREATE TABLE t (a int);
