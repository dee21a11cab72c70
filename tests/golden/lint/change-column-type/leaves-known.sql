-- database: shop.json
ALTER TABLE orders ALTER COLUMN short_name TYPE varchar(40);
ALTER TABLE orders ALTER COLUMN price TYPE numeric(12,2);
ALTER TABLE orders ALTER COLUMN fine TYPE timestamp(6);
ALTER TABLE orders ALTER COLUMN body TYPE varchar;
ALTER TABLE orders ALTER COLUMN seen TYPE timestamptz;
ALTER TABLE orders ALTER COLUMN short_name TYPE text USING short_name::text;
ALTER TABLE orders ALTER COLUMN price TYPE numeric;
ALTER TABLE spare ALTER COLUMN id TYPE bigint;
