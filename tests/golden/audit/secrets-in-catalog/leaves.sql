CREATE FUNCTION sync() RETURNS text LANGUAGE sql AS $$ SELECT 'host=db1 user=app passfile=/etc/app/pgpass' $$;
CREATE FUNCTION check_password(password text) RETURNS boolean LANGUAGE sql AS $$ SELECT length(password) >= 12 $$;
CREATE EXTENSION postgres_fdw;
CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'db1');
CREATE USER MAPPING FOR CURRENT_USER SERVER other OPTIONS (user 'app');
