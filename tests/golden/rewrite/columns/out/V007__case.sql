-- New columns.
ALTER TABLE orders ADD COLUMN plain text NOT NULL DEFAULT 'x';
ALTER TABLE orders ADD COLUMN token uuid;
ALTER TABLE orders ALTER COLUMN token SET DEFAULT gen_random_uuid();
-- pgkeep:batch key=id size=2000
UPDATE orders SET token = DEFAULT WHERE token IS NULL;
ALTER TABLE orders ADD CONSTRAINT orders_token_pgkeep_not_null CHECK (token IS NOT NULL) NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT orders_token_pgkeep_not_null;
-- pgkeep:step
ALTER TABLE orders ALTER COLUMN token SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT orders_token_pgkeep_not_null;
-- pgkeep:step
ALTER TABLE orders ADD COLUMN made timestamptz NOT NULL DEFAULT now();
ALTER TABLE orders ADD COLUMN number bigint;
CREATE SEQUENCE orders_number_seq AS bigint;
ALTER TABLE orders ALTER COLUMN number SET DEFAULT nextval('orders_number_seq');
ALTER SEQUENCE orders_number_seq OWNED BY orders.number;
-- pgkeep:batch key=id size=2000
UPDATE orders SET number = DEFAULT WHERE number IS NULL;
ALTER TABLE orders ADD CONSTRAINT orders_number_pgkeep_not_null CHECK (number IS NOT NULL) NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT orders_number_pgkeep_not_null;
-- pgkeep:step
ALTER TABLE orders ALTER COLUMN number SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT orders_number_pgkeep_not_null;
-- pgkeep:step
ALTER TABLE orders ADD count integer;
CREATE SEQUENCE orders_count_pgkeep_seq AS int4;
ALTER TABLE orders ALTER COLUMN count SET DEFAULT nextval('orders_count_pgkeep_seq');
-- pgkeep:batch key=id size=2000
UPDATE orders SET count = DEFAULT WHERE count IS NULL;
ALTER TABLE orders ADD CONSTRAINT orders_count_pgkeep_not_null CHECK (count IS NOT NULL) NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT orders_count_pgkeep_not_null;
-- pgkeep:step
ALTER TABLE orders ALTER COLUMN count SET NOT NULL;
ALTER TABLE orders DROP CONSTRAINT orders_count_pgkeep_not_null;
-- pgkeep:step
ALTER TABLE orders ALTER COLUMN count DROP DEFAULT;
ALTER TABLE orders ALTER COLUMN count ADD GENERATED ALWAYS AS IDENTITY;
SELECT setval('orders_count_seq', last_value, is_called) FROM orders_count_pgkeep_seq;
DROP SEQUENCE orders_count_pgkeep_seq;
-- pgkeep:step
ALTER TABLE orders ADD COLUMN buyer bigint;
ALTER TABLE orders ADD CONSTRAINT buyer_fk FOREIGN KEY (buyer) REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT buyer_fk;
-- pgkeep:step
ALTER TABLE orders ADD CONSTRAINT orders_buyer_check CHECK (buyer > 0) NOT VALID;
-- pgkeep:step
ALTER TABLE orders VALIDATE CONSTRAINT orders_buyer_check;
CREATE UNIQUE INDEX CONCURRENTLY orders_buyer_key ON orders (buyer);
ALTER TABLE orders ADD CONSTRAINT orders_buyer_key UNIQUE USING INDEX orders_buyer_key;
-- pgkeep:step
ALTER TABLE orders ADD COLUMN needed int NOT NULL;
ALTER TABLE orders ADD COLUMN IF NOT EXISTS maybe uuid DEFAULT gen_random_uuid();
-- pgkeep:shadow
ALTER TABLE orders ADD COLUMN sum int GENERATED ALWAYS AS (a + b) STORED;
ALTER TABLE orders DROP COLUMN old;
