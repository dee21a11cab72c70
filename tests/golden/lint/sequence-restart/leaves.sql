SELECT setval('orders_id_seq', (SELECT max(id) FROM orders));
SELECT setval('orders_id_seq', max(id)) FROM orders;
CREATE SEQUENCE s;
SELECT setval('public.s', 12, true);
ALTER SEQUENCE s RESTART;
CREATE TABLE t (id bigserial);
ALTER SEQUENCE t_id_seq RESTART WITH 1000;
