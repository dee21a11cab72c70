-- The way back of V007__case.sql.
-- Not undone here: ALTER TABLE orders SET TABLESPACE fast
-- Not undone here: ALTER TABLE orders SET UNLOGGED
-- Not undone here: ALTER TABLE orders ALTER a TYPE bigint, ALTER b SET DATA TYPE numeric(10, 2) USING b::numeric
-- pgkeep:loses orders.note: the column and what was written to it
ALTER TABLE orders DROP COLUMN note;
-- Not undone here: ALTER COLUMN id TYPE bigint
