-- database: shop.json
ALTER TABLE orders DROP CONSTRAINT orders_author_fkey;
ALTER TABLE public.orders DROP CONSTRAINT orders_pkey;
