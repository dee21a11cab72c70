-- path: deploy/change.sql
-- Each on its own.
ALTER TYPE status ADD VALUE 'held';
UPDATE orders SET status = 'held' WHERE id = 1;
