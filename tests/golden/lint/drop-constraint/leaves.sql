-- The online way to SET NOT NULL.
ALTER TABLE orders ADD CONSTRAINT orders_note_set CHECK (note IS NOT NULL) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT orders_note_set;
ALTER TABLE orders ALTER COLUMN note SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT orders_note_set;
-- Replaced in one statement, and in one file.
ALTER TABLE orders DROP CONSTRAINT status_known, ADD CONSTRAINT status_known CHECK (status IN ('a', 'b')) NOT VALID;
ALTER TABLE orders DROP CONSTRAINT total_sane;
ALTER TABLE orders ADD CONSTRAINT total_sane CHECK (total > 0) NOT VALID;
CREATE TABLE t (a int CONSTRAINT c CHECK (a > 0));
ALTER TABLE t DROP CONSTRAINT c;
