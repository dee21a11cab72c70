CREATE TABLE users (id bigint PRIMARY KEY, user_id bigint);
CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id), stripe_id text, device_id uuid);
CREATE TABLE devices (id bigint PRIMARY KEY);
