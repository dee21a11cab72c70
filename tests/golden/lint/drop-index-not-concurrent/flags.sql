DROP INDEX orders_user_id;
DROP INDEX IF EXISTS public.orders_a, orders_b;
