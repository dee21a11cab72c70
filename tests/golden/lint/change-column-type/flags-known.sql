-- database: shop.json
SET timezone = 'Europe/Berlin';
ALTER TABLE orders ALTER COLUMN small TYPE bigint;
ALTER TABLE orders ALTER COLUMN short_name TYPE varchar(10);
ALTER TABLE orders ALTER COLUMN body TYPE varchar(100);
ALTER TABLE orders ALTER COLUMN code TYPE text;
ALTER TABLE orders ALTER COLUMN price TYPE numeric(12,3);
ALTER TABLE orders ALTER COLUMN placed TYPE timestamp(0);
ALTER TABLE orders ALTER COLUMN seen TYPE timestamptz;
ALTER TABLE orders ALTER COLUMN fine TYPE timestamptz USING fine AT TIME ZONE 'CET';
