CREATE TABLE orders (id bigint PRIMARY KEY, code char(8), label text);
SELECT id FROM orders WHERE code LIKE 'AB_D';
SELECT id FROM orders WHERE code = label;
