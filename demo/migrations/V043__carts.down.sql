-- The way back from V043__carts.sql.
-- pgkeep:loses public.cart_items: what people put aside
DROP TABLE cart_items;
-- pgkeep:loses public.carts: every cart
DROP TABLE carts;
