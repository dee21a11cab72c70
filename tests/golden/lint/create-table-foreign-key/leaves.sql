SET lock_timeout = '2s';
CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id), shop_id bigint REFERENCES shops (id));
CREATE INDEX orders_user_id ON orders (user_id);
CREATE TABLE trees (id bigint PRIMARY KEY, parent_id bigint REFERENCES trees (id));
