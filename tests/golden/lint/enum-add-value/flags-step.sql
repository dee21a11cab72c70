-- path: V001__x.sql
SELECT 1;
-- pgkeep:step
ALTER TYPE status ADD VALUE 'held';
UPDATE orders SET status = 'held' WHERE id = 1;
