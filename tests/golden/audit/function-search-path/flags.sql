CREATE SCHEMA "my schema";
CREATE FUNCTION public.total(a integer, OUT b text, VARIADIC c integer[]) LANGUAGE sql SECURITY DEFINER AS 'SELECT ''x''::text';
CREATE FUNCTION "my schema"."F""x"("My Arg" numeric(10,2)) RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
REVOKE EXECUTE ON FUNCTION "my schema"."F""x"(numeric) FROM PUBLIC;
CREATE PROCEDURE close_month(m date) LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
