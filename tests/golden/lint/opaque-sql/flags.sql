DO $$ BEGIN EXECUTE format('DROP TABLE %I', 'x'); END $$;
