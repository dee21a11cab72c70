-- path: V001__two.sql
ALTER TABLE orders ADD COLUMN note text;
-- pgkeep:step
ALTER TABLE users ADD COLUMN note text;
