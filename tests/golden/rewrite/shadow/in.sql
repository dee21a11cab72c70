-- Rewrites.
ALTER TABLE orders ALTER COLUMN id TYPE bigint;
ALTER TABLE orders ADD COLUMN note text, ALTER a TYPE bigint, ALTER b SET DATA TYPE numeric(10, 2) USING b::numeric;
ALTER TABLE orders SET UNLOGGED;
VACUUM FULL orders;
VACUUM orders;
CLUSTER orders USING orders_pkey;
-- pgkeep:shadow
ALTER TABLE orders SET TABLESPACE fast;
