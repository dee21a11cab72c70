-- Every account has a full name now.
ALTER TABLE users ADD CONSTRAINT users_full_name_there CHECK (full_name IS NOT NULL) NOT VALID;
-- pgkeep:step
ALTER TABLE users VALIDATE CONSTRAINT users_full_name_there;
-- pgkeep:step
ALTER TABLE users ALTER COLUMN full_name SET NOT NULL;
ALTER TABLE users DROP CONSTRAINT users_full_name_there;
