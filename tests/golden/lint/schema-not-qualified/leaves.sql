CREATE TABLE public.orders (id bigint);
CREATE TEMP TABLE t (a int);
ALTER TABLE t ADD COLUMN b int;
SELECT * FROM orders;
SET search_path = shop;
CREATE TABLE posts (id bigint);
