-- path: plain.sql
ALTER TABLE orders ADD CONSTRAINT amount_positive CHECK (amount > 0) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT amount_positive;
ALTER TABLE orders ADD CONSTRAINT amount_there CHECK (amount IS NOT NULL) NOT VALID;
ALTER TABLE orders DROP CONSTRAINT amount_there;
ALTER TABLE orders ADD CONSTRAINT amount_small CHECK (amount < 100);
