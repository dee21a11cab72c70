CREATE FUNCTION find(wanted text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE 'DELETE FROM users WHERE name = $1' USING wanted;
  EXECUTE format('DELETE FROM %I WHERE name = %L', 'users', wanted);
  EXECUTE 'DELETE FROM users WHERE name = ' || quote_literal(wanted);
END $$;
