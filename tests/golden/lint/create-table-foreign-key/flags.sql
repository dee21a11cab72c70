CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id), parent bigint REFERENCES orders (id));
SET lock_timeout = '2s';
CREATE TABLE notes (id bigint, user_id bigint, FOREIGN KEY (user_id) REFERENCES users (id));
UPDATE users SET noted = true WHERE id < 10;
