CREATE FUNCTION total_of(bigint) RETURNS numeric LANGUAGE sql AS $$ SELECT sum(total) FROM orders WHERE user_id = $1 $$;
