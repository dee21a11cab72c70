-- path: V001__x.sql
ALTER TYPE status ADD VALUE 'held';
-- pgkeep:step
UPDATE orders SET status = 'held' WHERE id = 1;
