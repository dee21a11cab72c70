DELETE FROM orders WHERE id = 4;
DELETE FROM orders WHERE 1 = 1 AND id = 4;
DELETE FROM orders WHERE false;
DELETE FROM orders USING users u WHERE u.id = orders.author_id;
DELETE FROM orders WHERE 1 = 2;
CREATE TABLE t (a int);
DELETE FROM t;
CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DELETE FROM orders';
EXPLAIN DELETE FROM orders;
