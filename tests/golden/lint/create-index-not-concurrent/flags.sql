CREATE INDEX orders_user_id ON orders (user_id);
CREATE UNIQUE INDEX IF NOT EXISTS "Orders_slug" ON public.orders (slug) WHERE slug IS NOT NULL;
CREATE INDEX ON orders (lower(note));
