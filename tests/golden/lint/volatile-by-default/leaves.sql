CREATE FUNCTION total_of(bigint) RETURNS numeric LANGUAGE sql STABLE AS $$ SELECT sum(total) FROM orders WHERE user_id = $1 $$;
CREATE FUNCTION take(bigint) RETURNS bigint LANGUAGE sql AS $$ UPDATE orders SET state = 'x' WHERE id = $1 RETURNING id $$;
CREATE FUNCTION roll() RETURNS double precision LANGUAGE sql AS $$ SELECT random() $$;
CREATE FUNCTION locked(bigint) RETURNS bigint LANGUAGE sql AS $$ SELECT id FROM orders WHERE id = $1 FOR UPDATE $$;
