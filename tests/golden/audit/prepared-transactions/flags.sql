CREATE TABLE orders (id bigint PRIMARY KEY);
BEGIN;
INSERT INTO orders VALUES (1);
PREPARE TRANSACTION 'golden order''s';
