-- The way back from V039__jobs.sql.
-- pgkeep:loses public.jobs: what is still to do
DROP TABLE jobs;
