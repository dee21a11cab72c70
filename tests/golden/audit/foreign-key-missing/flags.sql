CREATE TABLE users (id bigint PRIMARY KEY);
CREATE TABLE categories (id integer PRIMARY KEY);
CREATE TABLE events (id bigint PRIMARY KEY, user_id integer);
CREATE TABLE products (id bigint PRIMARY KEY, category_id integer);
