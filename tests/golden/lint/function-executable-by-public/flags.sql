CREATE FUNCTION forget(bigint) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ DELETE FROM public.users WHERE id = $1 $$;
