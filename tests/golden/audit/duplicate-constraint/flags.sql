CREATE TABLE orders (id bigint PRIMARY KEY, number text, total numeric(12, 2));
ALTER TABLE orders ADD UNIQUE (id);
ALTER TABLE orders ADD UNIQUE (number);
ALTER TABLE orders ADD CONSTRAINT orders_again UNIQUE (number);
ALTER TABLE orders ADD CONSTRAINT positive CHECK (total > 0);
ALTER TABLE orders ADD CONSTRAINT positive_too CHECK (total > 0);
