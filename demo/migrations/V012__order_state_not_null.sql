-- Every order has a state now: the check lets SET NOT NULL trust it without reading the table.
ALTER TABLE orders ADD CONSTRAINT orders_state_there CHECK (state IS NOT NULL) NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT orders_state_there;
-- pgkeep:step
ALTER TABLE orders ALTER COLUMN state SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT orders_state_there;
