ALTER TABLE orders ADD COLUMN kind text NOT NULL;
ALTER TABLE public.orders ADD COLUMN note text, ADD COLUMN place integer NOT NULL;
