UPDATE orders SET a = 1, b = 2, a = 3 WHERE id = 1;
INSERT INTO shop.orders (a, b, a) VALUES (1, 2, 3);
CREATE TABLE t (a int, b int, a text);
INSERT INTO orders (id, a) VALUES (1, 2) ON CONFLICT (id) DO NOTHING;
