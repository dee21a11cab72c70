CREATE TABLE a (a int, b int, c int, d int, PRIMARY KEY (a, b, c, d));
