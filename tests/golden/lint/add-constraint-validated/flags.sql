ALTER TABLE orders ADD CONSTRAINT amount_positive CHECK (amount > 0);
ALTER TABLE orders ADD CHECK (note <> 'a, b');
