-- Why: the old rows have no state.
-- pgkeep:bacth key=id size=5000
UPDATE orders SET state = 'new' WHERE state IS NULL;
SELECT 1; -- pgkeep:stepp
-- pgkeep:unheardof
