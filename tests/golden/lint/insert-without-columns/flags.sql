INSERT INTO users VALUES (1, 'a');
CREATE TABLE t (a int, b int);
INSERT INTO t SELECT 1, 2;
