-- path: deploy/change.sql
BEGIN;
-- pgkeep:batch key=id
UPDATE orders SET state = 'new' WHERE state IS NULL;
COMMIT;
