-- path: db/change.sql
SELECT pg_advisory_lock(1);
