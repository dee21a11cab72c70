UPDATE orders SET a = 1, b = a WHERE id = 1;
UPDATE orders SET p.x = 1, p.y = 2, l[1] = 3, l[2] = 4 WHERE id = 1;
INSERT INTO orders (a, b) VALUES (1, 1);
CREATE TABLE t (a int, "A" int);
SELECT a, a FROM orders;
