-- path: deploy/change.sql
BEGIN;
CREATE TABLE t (a int);
CREATE TABLE u (a int);
COMMIT;
