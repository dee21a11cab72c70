-- The way back of V007__case.sql.
ALTER TABLE orders DROP CONSTRAINT orders_pkey;
ALTER TABLE orders ALTER COLUMN id DROP NOT NULL;
ALTER TABLE orders ALTER COLUMN total DROP NOT NULL;
