-- Several transactions.
INSERT INTO log VALUES (1);
ALTER TABLE orders ADD CHECK (a > 0);
INSERT INTO log VALUES (2);
-- pgkeep:step
ALTER TABLE orders ADD CHECK (b > 0);
CREATE INDEX ON orders (a);
BEGIN;
ALTER TABLE orders ADD CHECK (c > 0);
COMMIT;
INSERT INTO log VALUES (3)
