CREATE TABLE orders (id bigint PRIMARY KEY, amount integer);

ALTER TABLE orders ADD COLUMN extra integer CHECK (extra > 0);
ALTER TABLE users ADD COLUMN extra integer, ADD CONSTRAINT extra_positive CHECK (extra > 0) NOT VALID;
CREATE DOMAIN plain AS integer;
ALTER TABLE users ADD COLUMN rest plain;
