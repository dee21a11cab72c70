-- Taking a job read the ninety percent that are done.
CREATE INDEX CONCURRENTLY jobs_open ON jobs (run_at) WHERE NOT done;
