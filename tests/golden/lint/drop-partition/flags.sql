-- database: shop.json
DROP TABLE events_1;
DROP TABLE IF EXISTS public.logs_1;
