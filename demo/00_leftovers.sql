-- Run in the half-filled database of a load that was killed, so that it can be dropped.
-- may-fail
ALTER SUBSCRIPTION price_feed SET (slot_name = NONE);
-- may-fail
DROP SUBSCRIPTION price_feed;
