-- database: db.json
SELECT id FROM orders;
SELECT relname FROM pg_class;
WITH orderz AS (SELECT 1 AS id) SELECT id FROM orderz;
SELECT id FROM totally_else;
CREATE TABLE usersx (id bigint PRIMARY KEY);
INSERT INTO usersx (id) VALUES (1);
