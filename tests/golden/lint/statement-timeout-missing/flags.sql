-- path: db/change.sql
SET lock_timeout = '2s';
ALTER TABLE orders ALTER COLUMN id TYPE bigint;
CREATE INDEX i ON posts (id);
