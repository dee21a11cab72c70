SELECT pg_advisory_lock(1);
LISTEN jobs;
PREPARE p AS SELECT 1;
