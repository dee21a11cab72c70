-- pgkeep:batch key=id
UPDATE orders SET state = 'new' WHERE state IS NULL;
-- pgkeep:batch key=id
WITH gone AS (SELECT id FROM users) DELETE FROM orders USING gone WHERE orders.user_id = gone.id;
-- pgkeep:step
-- pgkeep:shadow
ALTER TABLE orders ALTER COLUMN id TYPE bigint;
-- pgkeep:step
