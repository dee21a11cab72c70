ALTER TABLE orders ADD COLUMN author_id bigint REFERENCES users (id);
ALTER TABLE orders ADD COLUMN owner_id bigint DEFAULT 1 REFERENCES users;
