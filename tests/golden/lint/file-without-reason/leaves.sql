-- Orders are searched by day since the new report.
CREATE TABLE t (a int);
