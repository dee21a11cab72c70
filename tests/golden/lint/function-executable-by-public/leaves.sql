CREATE FUNCTION forget(bigint) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ DELETE FROM public.users WHERE id = $1 $$;
REVOKE EXECUTE ON FUNCTION forget(bigint) FROM PUBLIC;
CREATE FUNCTION name_of(bigint) RETURNS text LANGUAGE sql STABLE AS $$ SELECT name FROM public.users WHERE id = $1 $$;
