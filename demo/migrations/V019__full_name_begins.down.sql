-- The way back from V019__full_name_begins.sql.
DROP TRIGGER users_keep_name ON users;
DROP FUNCTION users_keep_name();
-- pgkeep:loses public.users.full_name: says what name says
ALTER TABLE users DROP COLUMN full_name;
