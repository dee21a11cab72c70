DO $$ BEGIN
  EXECUTE 'CREATE TABLE wide (' || (SELECT string_agg('c' || g || ' integer', ', ') FROM generate_series(1, 101) g) || ')';
END $$;
