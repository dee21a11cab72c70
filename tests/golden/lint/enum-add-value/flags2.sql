-- path: db/change.sql
BEGIN;
ALTER TYPE shop.status ADD VALUE 'held' AFTER 'new';
ALTER TABLE orders ALTER COLUMN status SET DEFAULT 'held';
COMMIT;
SELECT 'held';
