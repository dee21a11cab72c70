CREATE TABLE orders (id bigint PRIMARY KEY, amount integer);

ALTER TABLE orders ADD CONSTRAINT amount_positive CHECK (amount > 0);
ALTER TABLE users ADD CONSTRAINT name_short CHECK (length(name) < 100) NOT VALID;
ALTER TABLE users VALIDATE CONSTRAINT name_short;
CREATE TABLE posts (id bigint CHECK (id > 0));
ALTER TABLE users ADD COLUMN age integer CHECK (age > 0);
