CREATE TABLE orders (id bigint PRIMARY KEY, amount integer);

ALTER TABLE orders ADD FOREIGN KEY (amount) REFERENCES users (id);
ALTER TABLE posts ADD CONSTRAINT posts_user_fkey FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID;
CREATE TABLE notes (user_id bigint REFERENCES users (id));
