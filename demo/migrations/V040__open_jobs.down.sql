-- The way back from V040__open_jobs.sql.
DROP INDEX CONCURRENTLY jobs_open;
