ALTER SEQUENCE orders_id_seq RESTART WITH 1;
SELECT setval('orders_id_seq', 1);
SELECT pg_catalog.setval('shop.numbers'::regclass, 100, false);
