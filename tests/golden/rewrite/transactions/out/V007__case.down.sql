-- The way back of V007__case.sql.
-- Not undone here: INSERT INTO log VALUES (3)
-- Not undone here: ALTER TABLE orders ADD CHECK (c > 0)
DROP INDEX CONCURRENTLY orders_a_idx;
ALTER TABLE orders DROP CONSTRAINT orders_b_check;
-- Not undone here: INSERT INTO log VALUES (2)
ALTER TABLE orders DROP CONSTRAINT orders_a_check;
-- Not undone here: INSERT INTO log VALUES (1)
