REINDEX INDEX orders_user_id;
REINDEX TABLE public.orders;
REINDEX (VERBOSE) SCHEMA public;
