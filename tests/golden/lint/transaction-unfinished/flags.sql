-- path: db/change.sql
BEGIN;
SELECT count(*) FROM orders WHERE status = 'stale';
DELETE FROM orders WHERE status = 'stale';
-- COMMIT
