-- No program reads the old column any more.
DROP TRIGGER orders_keep_state ON orders;
DROP FUNCTION orders_keep_state();
-- pgkeep:ignore drop-column: the state says the same, and the programs of the last version are gone
ALTER TABLE orders DROP COLUMN status;
ALTER TABLE orders ALTER COLUMN state SET DEFAULT 'new';
