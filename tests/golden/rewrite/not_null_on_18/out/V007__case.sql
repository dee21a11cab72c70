-- pg-version: 18
ALTER TABLE orders ADD CONSTRAINT orders_total_pgkeep_not_null CHECK (total IS NOT NULL) NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT orders_total_pgkeep_not_null;
-- pgkeep:step
ALTER TABLE orders ALTER COLUMN total SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT orders_total_pgkeep_not_null;
-- pgkeep:step
ALTER TABLE orders ADD CONSTRAINT orders_id_pgkeep_not_null CHECK (id IS NOT NULL) NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT orders_id_pgkeep_not_null;
-- pgkeep:step
ALTER TABLE orders ALTER COLUMN id SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT orders_id_pgkeep_not_null;
CREATE UNIQUE INDEX CONCURRENTLY orders_pkey ON orders (id);
ALTER TABLE orders ADD CONSTRAINT orders_pkey PRIMARY KEY USING INDEX orders_pkey;
