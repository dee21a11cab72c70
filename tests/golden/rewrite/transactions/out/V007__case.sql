-- Several transactions.
INSERT INTO log VALUES (1);
ALTER TABLE orders ADD CONSTRAINT orders_a_check CHECK (a > 0) NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT orders_a_check;
-- pgkeep:step
INSERT INTO log VALUES (2);
-- pgkeep:step
ALTER TABLE orders ADD CONSTRAINT orders_b_check CHECK (b > 0) NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT orders_b_check;
CREATE INDEX CONCURRENTLY ON orders (a);
BEGIN;
ALTER TABLE orders ADD CHECK (c > 0);
COMMIT;
INSERT INTO log VALUES (3)
