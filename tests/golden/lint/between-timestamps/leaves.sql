SELECT id FROM t WHERE created_at >= '2024-01-01' AND created_at < '2024-02-01';
SELECT id FROM t WHERE price BETWEEN 1 AND 2;
SELECT id FROM t WHERE created_at BETWEEN now() - interval '1 day' AND now();
CREATE TABLE d (id bigint PRIMARY KEY, closed_at date);
SELECT id FROM d WHERE closed_at BETWEEN '2024-01-01' AND '2024-01-31';
