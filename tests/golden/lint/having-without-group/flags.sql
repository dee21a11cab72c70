SELECT sum(x) FROM t HAVING x > 1;
