CREATE TABLE orders (id bigint PRIMARY KEY, amount integer);

ALTER TABLE orders ADD COLUMN token uuid DEFAULT gen_random_uuid();
ALTER TABLE users ADD COLUMN made timestamptz NOT NULL DEFAULT now(), ADD COLUMN day date DEFAULT CURRENT_DATE;
ALTER TABLE users ADD COLUMN kind text NOT NULL DEFAULT lower('NEW'), ADD COLUMN data jsonb DEFAULT '{}'::jsonb;
ALTER TABLE users ALTER COLUMN token SET DEFAULT gen_random_uuid();
CREATE TEMPORARY TABLE scratch (id bigint);
ALTER TABLE scratch ADD COLUMN token uuid DEFAULT gen_random_uuid();
