-- A typing error in a script made orders that were "shiped". Never again.
ALTER TABLE orders ADD CONSTRAINT orders_status_known CHECK (status IN ('new', 'paid', 'shipped', 'done')) NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT orders_status_known;
