-- New columns.
ALTER TABLE orders ADD COLUMN plain text NOT NULL DEFAULT 'x', ADD COLUMN token uuid DEFAULT gen_random_uuid() NOT NULL;
ALTER TABLE orders ADD COLUMN made timestamptz NOT NULL DEFAULT now();
ALTER TABLE orders ADD COLUMN number bigserial, ADD count integer GENERATED ALWAYS AS IDENTITY;
ALTER TABLE orders ADD COLUMN buyer bigint CONSTRAINT buyer_fk REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED CHECK (buyer > 0) UNIQUE;
ALTER TABLE orders ADD COLUMN needed int NOT NULL;
ALTER TABLE orders ADD COLUMN IF NOT EXISTS maybe uuid DEFAULT gen_random_uuid();
ALTER TABLE orders ADD COLUMN sum int GENERATED ALWAYS AS (a + b) STORED;
ALTER TABLE orders DROP COLUMN old;
