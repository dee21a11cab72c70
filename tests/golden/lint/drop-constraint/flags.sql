ALTER TABLE orders DROP CONSTRAINT orders_author_fkey;
-- On a text alone nobody knows what it is.
ALTER TABLE shop.orders ADD COLUMN x int, DROP CONSTRAINT IF EXISTS "Odd";
