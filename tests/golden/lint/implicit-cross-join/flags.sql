SELECT u.id, o.id FROM users u, orders o WHERE u.active;
SELECT a.x FROM a, b, c WHERE a.id = b.a_id AND c.flag = 1 AND a.x = 2;
