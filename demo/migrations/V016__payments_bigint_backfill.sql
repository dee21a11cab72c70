-- The payments from before the trigger.
-- pgkeep:batch key=id size=400 max-lag=5s
UPDATE payments SET amount_cents_wide = amount_cents WHERE amount_cents_wide IS NULL;
