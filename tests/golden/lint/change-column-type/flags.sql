ALTER TABLE orders ALTER COLUMN small TYPE bigint;
ALTER TABLE orders ALTER COLUMN name SET DATA TYPE varchar(10), ALTER "When" TYPE timestamptz USING "When" AT TIME ZONE 'UTC';
