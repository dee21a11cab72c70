CREATE FUNCTION sync() RETURNS text LANGUAGE sql AS $$ SELECT 'host=db1 user=app password=hunter2secret' $$;
CREATE EXTENSION postgres_fdw;
CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db1');
CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (user 'app', password 'hunter2secret');
