-- path: db/change.sql
CREATE INDEX CONCURRENTLY i ON posts (id);
CREATE TABLE t (a int);
CREATE INDEX j ON t (a);
