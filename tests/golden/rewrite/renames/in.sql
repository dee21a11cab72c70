-- Names.
ALTER TABLE orders RENAME TO purchases;
ALTER TABLE orders RENAME COLUMN a TO b;
-- pgkeep:ignore rename-column: nobody reads it
ALTER TABLE users RENAME COLUMN a TO b;
