CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint);
CREATE TABLE carts (id bigint PRIMARY KEY, user_id bigint);
CREATE TABLE events (id bigint PRIMARY KEY, user_id text);
