-- CreateTable
CREATE TABLE t (a int);
