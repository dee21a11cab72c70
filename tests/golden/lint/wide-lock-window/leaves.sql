ALTER TABLE orders ADD COLUMN kind int;
ALTER TABLE public.orders ADD COLUMN other int;
CREATE TABLE t (a int);
ALTER TABLE t ADD COLUMN b int;
