SELECT pg_advisory_xact_lock(1);
NOTIFY jobs;
SET LOCAL lock_timeout = '2s';
DECLARE c CURSOR FOR SELECT 1;
