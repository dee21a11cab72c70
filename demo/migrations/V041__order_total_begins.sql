-- The list of orders added up all lines of all orders. The sum moves into the order; a trigger keeps it.
ALTER TABLE orders ADD COLUMN total_cents bigint NOT NULL DEFAULT 0;
CREATE FUNCTION order_items_keep_total() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    UPDATE public.orders SET total_cents = total_cents - OLD.quantity * OLD.price_cents WHERE id = OLD.order_id;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    UPDATE public.orders SET total_cents = total_cents + NEW.quantity * NEW.price_cents WHERE id = NEW.order_id;
  END IF;
  RETURN NULL;
END $$;
