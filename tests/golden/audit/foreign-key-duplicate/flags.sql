CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id));
ALTER TABLE orders ADD CONSTRAINT orders_again FOREIGN KEY (user_id) REFERENCES users (id);
ALTER TABLE orders ADD CONSTRAINT orders_third FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;
-- They act differently: a person decides.
CREATE TABLE carts (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id));
ALTER TABLE carts ADD CONSTRAINT carts_cascade FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE;
