CREATE FUNCTION find(wanted text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE 'DELETE FROM users WHERE name = ''' || wanted || '''';
  EXECUTE format('DELETE FROM users WHERE name = %s', wanted);
END $$;
