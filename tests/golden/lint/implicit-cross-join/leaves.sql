SELECT u.id FROM users u, orders o WHERE u.id = o.user_id;
SELECT u.id FROM users u CROSS JOIN orders o;
SELECT u.id FROM users u, LATERAL (SELECT 1) s;
SELECT u.id FROM users u, generate_series(1, 3) g;
WITH p AS (SELECT 1 AS day) SELECT u.id FROM users u, p;
SELECT id FROM users u, orders o WHERE user_id = uid;
SELECT u.id FROM users u, orders o WHERE EXISTS (SELECT FROM x WHERE x.a = u.id AND x.b = o.id);
SELECT a.x FROM a, b, c WHERE a.id = b.a_id AND c.b_id = b.id;
