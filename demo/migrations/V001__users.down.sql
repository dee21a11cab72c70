-- The way back from V001__users.sql.
-- pgkeep:loses public.users: every account
DROP TABLE users;
DROP FUNCTION sample_rows(integer);
