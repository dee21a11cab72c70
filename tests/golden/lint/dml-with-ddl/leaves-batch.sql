-- path: V001__fill.sql
ALTER TABLE orders ADD COLUMN state text;
-- pgkeep:batch key=id size=5000
UPDATE orders SET state = 'new' WHERE state IS NULL;
