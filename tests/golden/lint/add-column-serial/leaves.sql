CREATE TABLE orders (id bigint PRIMARY KEY, amount integer);

ALTER TABLE orders ADD COLUMN number bigserial;
ALTER TABLE users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY;
ALTER TABLE users ADD COLUMN serial text;
