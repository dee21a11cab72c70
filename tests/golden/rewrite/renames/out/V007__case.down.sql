-- The way back of V007__case.sql.
ALTER TABLE users RENAME COLUMN b TO a;
ALTER TABLE orders RENAME COLUMN b TO a;
-- pgkeep:step
DROP VIEW orders;
-- pgkeep:ignore rename-table: the view made way
ALTER TABLE purchases RENAME TO orders;
