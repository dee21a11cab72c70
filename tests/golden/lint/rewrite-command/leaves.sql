CREATE TABLE orders (id bigint PRIMARY KEY, amount integer);
CLUSTER orders USING orders_pkey;
ALTER TABLE users CLUSTER ON users_pkey;
