ALTER TABLE orders ADD COLUMN amount integer CHECK (amount > 0);
ALTER TABLE orders ADD COLUMN kind text CONSTRAINT kind_known CHECK (kind IN ('a', 'b')) DEFAULT 'a';
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
ALTER TABLE orders ADD COLUMN rest positive;
