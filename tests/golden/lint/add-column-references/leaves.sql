CREATE TABLE orders (id bigint PRIMARY KEY, amount integer);

ALTER TABLE orders ADD COLUMN author_id bigint REFERENCES users (id);
ALTER TABLE posts ADD COLUMN author_id bigint;
ALTER TABLE posts ADD CONSTRAINT posts_author_fkey FOREIGN KEY (author_id) REFERENCES users (id) NOT VALID;
