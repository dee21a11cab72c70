SELECT t0.id FROM t0 JOIN t1 ON t1.id = t0.id JOIN t2 ON t2.id = t0.id WHERE EXISTS (SELECT FROM t3 WHERE t3.id = t0.id);
INSERT INTO t0 (id) VALUES (1), (2), (3);
