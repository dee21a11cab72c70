SELECT * FROM orders WHERE user_id = 12345 AND created_at > '2023-01-01';
CREATE VIEW v AS SELECT o.*, 1 AS one FROM orders o;
INSERT INTO archive (a, b) SELECT * FROM orders;
SELECT id FROM a WHERE id IN (SELECT * FROM b);
