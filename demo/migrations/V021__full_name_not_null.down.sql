-- The way back from V021__full_name_not_null.sql.
ALTER TABLE users ALTER COLUMN full_name DROP NOT NULL;
