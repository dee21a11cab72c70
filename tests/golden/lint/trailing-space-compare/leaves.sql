CREATE TABLE orders (id bigint PRIMARY KEY, code char(8), other char(8), label text);
SELECT id FROM orders WHERE code LIKE 'AB%';
SELECT id FROM orders WHERE code = 'AB';
SELECT id FROM orders WHERE code = other AND label LIKE 'AB_D';
