ALTER TABLE orders ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();
ALTER TABLE public.orders ADD COLUMN seen timestamptz DEFAULT clock_timestamp(), ADD COLUMN n integer DEFAULT (random() * 10)::integer;
ALTER TABLE orders ADD COLUMN number bigint DEFAULT nextval('numbers');
ALTER TABLE orders ADD COLUMN drawn integer DEFAULT my_own_draw() CHECK (drawn > 0);
