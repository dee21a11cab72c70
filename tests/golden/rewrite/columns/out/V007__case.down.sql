-- The way back of V007__case.sql.
-- Not undone here: ALTER TABLE orders DROP COLUMN old
-- Not undone here: ALTER TABLE orders ADD COLUMN sum int GENERATED ALWAYS AS (a + b) STORED
-- pgkeep:loses orders.maybe: the column and what was written to it
ALTER TABLE orders DROP COLUMN maybe;
-- pgkeep:loses orders.needed: the column and what was written to it
ALTER TABLE orders DROP COLUMN needed;
-- pgkeep:loses orders.buyer: the column and what was written to it
ALTER TABLE orders DROP COLUMN buyer;
-- pgkeep:loses orders.count: the column and what was written to it
ALTER TABLE orders DROP COLUMN count;
-- pgkeep:loses orders.number: the column and what was written to it
ALTER TABLE orders DROP COLUMN number;
-- pgkeep:loses orders.made: the column and what was written to it
ALTER TABLE orders DROP COLUMN made;
-- pgkeep:loses orders.token: the column and what was written to it
ALTER TABLE orders DROP COLUMN token;
-- pgkeep:loses orders.plain: the column and what was written to it
ALTER TABLE orders DROP COLUMN plain;
