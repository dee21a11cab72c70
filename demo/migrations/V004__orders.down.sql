-- The way back from V004__orders.sql.
-- pgkeep:loses public.orders: every order
DROP TABLE orders;
