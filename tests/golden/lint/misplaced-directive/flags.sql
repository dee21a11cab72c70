-- pgkeep:batch key=id
INSERT INTO orders (id) SELECT id FROM old_orders;
-- pgkeep:shadow
UPDATE orders SET state = 'new' WHERE id < 10;
-- pgkeep:shadow
CREATE INDEX CONCURRENTLY orders_state ON orders (state);
UPDATE orders SET state = 'new' WHERE id < 10; -- pgkeep:batch key=id
SELECT 1; -- pgkeep:step
-- pgkeep:shadow
CREATE TABLE events (id bigint, at date);
-- pgkeep:shadow
