-- pgkeep:batch key=id
UPDATE orders SET state = 'new' WHERE state IS NULL;
-- pgkeep:batch key=id
WITH gone AS (SELECT id FROM users) DELETE FROM orders USING gone WHERE orders.user_id = gone.id;
-- pgkeep:step
-- pgkeep:shadow
ALTER TABLE orders ALTER COLUMN id TYPE bigint;
-- pgkeep:step
-- pgkeep:shadow every=year from=2024-01-01 to=2026-01-01
CREATE TABLE events (LIKE events INCLUDING ALL) PARTITION BY RANGE (created_at);
CREATE TABLE events_old PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
