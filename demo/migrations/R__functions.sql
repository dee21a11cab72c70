-- The sum of an order, for whoever does not trust the column.
CREATE OR REPLACE FUNCTION order_total(which bigint) RETURNS bigint LANGUAGE sql STABLE SET search_path = pg_catalog, public
    AS $$ SELECT coalesce(sum(quantity * price_cents), 0)::bigint FROM public.order_items WHERE order_id = which $$;
