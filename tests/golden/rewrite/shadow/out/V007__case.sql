-- Rewrites.
-- pgkeep:shadow
ALTER TABLE orders ALTER COLUMN id TYPE bigint;
ALTER TABLE orders ADD COLUMN note text;
-- pgkeep:shadow
ALTER TABLE orders ALTER a TYPE bigint, ALTER b SET DATA TYPE numeric(10, 2) USING b::numeric;
-- pgkeep:shadow
ALTER TABLE orders SET UNLOGGED;
-- pgkeep:shadow
ALTER TABLE orders SET WITHOUT OIDS;
VACUUM orders;
-- pgkeep:shadow
ALTER TABLE orders SET WITHOUT OIDS;
-- pgkeep:shadow
ALTER TABLE orders SET TABLESPACE fast;
