-- The way back from V005__order_items.sql.
-- pgkeep:loses public.order_items: what was in every order
DROP TABLE order_items;
