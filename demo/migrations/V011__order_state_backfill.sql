-- Orders from before the trigger, a few at a time.
-- pgkeep:batch key=id size=500
UPDATE orders SET state = status::order_state WHERE state IS NULL;
