-- The last program that wrote "name" is gone.
DROP TRIGGER users_keep_name ON users;
DROP FUNCTION users_keep_name();
-- pgkeep:ignore drop-column: full_name says the same
ALTER TABLE users DROP COLUMN name;
